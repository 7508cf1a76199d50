"""Who is asking and what they may do; plain values. What roles may do stands in the table `role_permission`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Bundles of permissions that can be granted; those of emergencies come with one alone."""

    VIEWER = "viewer"
    DISPATCHER = "dispatcher"
    PLANNER = "planner"
    GRID_WORKER = "grid_worker"
    CARE_WORKER = "care_worker"
    PERSON_DATA_OFFICER = "person_data_officer"
    CHILD_DATA_OFFICER = "child_data_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What can be allowed in a territory."""

    SEE = "see"
    """Elements that are no persons, and the masked names of staff."""
    LOCATE = "locate"
    """Whose a point is, anywhere in the district, with who is on duty there."""
    CALL_STAFF = "staff.call"
    """Duty phones in full."""
    COUNT_CARE = "care.count"
    """Published counts of persons in care."""
    READ_CARE = "care.read"
    """Persons in care as records: category and building, masked."""
    REVEAL_CARE = "care.reveal"
    """One masked field of one record, with a reason, for a while."""
    WRITE_CARE = "care.write"
    """A copy, correction and deletion of persons in care."""
    CHILD = "care.child"
    """Of those under 14, what else one may of persons in care."""
    DRILL = "care.drill"
    """The made-up persons of a drill."""
    REPORT_INCIDENT = "incident.report"
    """Reports of incidents, wherever they are."""
    HANDLE_INCIDENT = "incident.handle"
    """Incidents that are dealt with here: seeing and handling them."""
    DISPATCH_INCIDENT = "incident.dispatch"
    """Where incidents are, who is to deal with them, and that they are closed."""
    PLAN = "plan"
    """Drafts of boundaries."""
    AUDIT = "audit"
    """The audit log."""
    ACCOUNT = "account"
    """Accounts, grants and keys."""


Territory = tuple[str, str]
"""A range of paths: low <= path < high."""


WHOLE: Territory = ("", "~")
NOWHERE: Territory = ("~", "~")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request: a person with a session, a device with a key, or a visitor of a demo."""

    token: str
    session_id: str
    account_id: str
    username: str
    name: str
    kind: str  # console, key
    territories: Mapping[str, Sequence[Territory]]  # by permission
    is_visitor: bool = False
    is_of_demo: bool = False  # let in without a password, as long as there is a demo

    def may(self, permission: Permission) -> bool:
        """Whether the caller has this permission somewhere."""
        return permission in self.territories

    def limits(self, permission: Permission) -> Sequence[Territory]:
        """The ranges of paths that the caller has a permission in; empty when that is the whole district.

        Queries name them as constants, so that the planner knows how much they hold; what enforces them are policies.
        """
        ranges = self.territories.get(permission, (NOWHERE,))
        return () if WHOLE in ranges else ranges
