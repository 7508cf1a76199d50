"""What is reported and where that was found to be; plain values. What may be done when stands in `incident_rule`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Channel(StrEnum):
    """How a report came."""

    CONSOLE = "console"
    PHONE = "phone"
    INTEGRATION = "integration"


class Track(StrEnum):
    """Who is to do it: those on duty, or whoever claims it."""

    DUTY = "duty"
    SERVICE = "service"


class Status(StrEnum):
    """How far a matter has got. `resolved` is what its handler says; `closed` is verified, after everybody who asked
    was answered.
    """

    TO_PLACE = "to_place"
    REPORTED = "reported"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    OFFERED = "offered"
    CLAIMED = "claimed"
    HANDLING = "handling"
    RETURNED = "returned"
    WITH_SUPERVISOR = "with_supervisor"
    RESOLVED = "resolved"
    ANSWERED = "answered"
    RATED = "rated"
    CLOSED = "closed"
    MERGED = "merged"


class Action(StrEnum):
    """What is done with a matter."""

    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    HANDLE = "handle"
    RESOLVE = "resolve"
    FEEDBACK = "feedback"
    RATE = "rate"
    CLOSE = "close"
    RETURN = "return"
    RULE = "rule"
    TRANSFER = "transfer"
    ESCALATE = "escalate"
    SUPERVISE = "supervise"
    REOPEN = "reopen"
    OFFER = "offer"
    CLAIM = "claim"
    FALL_BACK = "fall_back"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Position:
    """A position as it came: `x` is the easting or longitude, in the frame `crs`; the radius of its error in metres."""

    x: float
    y: float
    crs: str
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call back."""

    phone: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reports: in words, by a position or both."""

    category: str
    channel: Channel
    words: str | None = None
    position: Position | None = None
    photos: Sequence[str] = ()
    contact: Contact | None = None
    about_staff: str | None = None
    """The identity of whom it complains of."""
    about_user: str | None = None
    """Their username, if they have one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a report was found to be: `unit` is the grid that answers; None where a person has to decide, among what
    lies in the unit `around` (None: anywhere).
    """

    verdict: str
    why: str
    unit: str | None
    around: str | None
    lon: float | None
    lat: float | None
    candidates: Sequence[Mapping[str, Any]]
    revision: int
