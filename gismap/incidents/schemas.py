"""What requests about incidents look like on the wire."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt, StrictStr, model_validator

from gismap.http import Day, Finite, Parameters, Text
from gismap.incidents.values import Action, Channel, Contact, Position, Report, Status, Track
from gismap.locating.wording import MAX_QUESTION

LARGEST = 2**63 - 1


def _plain(text: str) -> str:
    if "\0" in text or not text.strip():
        raise ValueError("must not be empty, nor hold a NUL")
    return text.strip()


Words = Annotated[StrictStr, Field(max_length=MAX_QUESTION), AfterValidator(_plain)]
"""What is reported, and where, in words."""

Number = Annotated[StrictInt, Field(ge=1, le=LARGEST)]


class _At(Parameters):
    """A position, or none: `x` the easting or longitude, `y` the northing or latitude, `accuracy` in metres."""

    x: Finite | None = None
    y: Finite | None = None
    crs: Text = "cgcs2000"
    accuracy: Finite | None = None

    @model_validator(mode="after")
    def _both(self) -> "_At":
        if (self.x is None) != (self.y is None):
            raise ValueError("give x and y, or neither")
        return self

    def position(self) -> Position | None:
        """The position, where there is one."""
        if self.x is None or self.y is None:
            return None
        return Position(self.x, self.y, self.crs, self.accuracy)


class ContactBody(Parameters):
    """Whom to call back; it is sealed."""

    phone: Text
    name: Text | None = None


class ReportBody(_At):
    """`POST /api/incidents`: `text`, or `x` and `y`, or both."""

    category: Text
    channel: Channel = Channel.CONSOLE
    text: Words | None = None
    photos: Annotated[list[Text], Field(max_length=20, default_factory=list)]
    contact: ContactBody | None = None
    about_staff: Text | None = None
    about_user: Text | None = None

    def report(self) -> Report:
        """The report."""
        contact = None if self.contact is None else Contact(self.contact.phone, self.contact.name)
        return Report(
            self.category, self.channel, self.text, self.position(), self.photos, contact, self.about_staff,
            self.about_user,
        )  # fmt: skip


class IncidentsQuery(Parameters):
    """`GET /api/incidents`."""

    unit: Text | None = None
    status: Status | None = None
    track: Track | None = None
    since: Day | None = None
    cursor: Annotated[int, Field(ge=1, le=LARGEST)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PlaceBody(_At):
    """`POST /api/incidents/{incident}/place`: a position, a `unit`, or both."""

    unit: Text | None = None
    reason: Text | None = None


class ActionBody(Parameters):
    """`POST /api/incidents/{incident}/actions`; which of the others an action takes is told in the documentation."""

    action: Action
    reason: Text | None = None
    unit: Text | None = None
    parent: Number | None = None
    askers: Annotated[list[Text], Field(min_length=1, max_length=1000)] | None = None
    by: Text | None = None
    stars: Annotated[StrictInt, Field(ge=1, le=5)] | None = None

    @model_validator(mode="after")
    def _takes(self) -> "ActionBody":
        for action, names in NEEDS.items():
            missing = [name for name in names if getattr(self, name) is None]
            if self.action == action and missing:
                raise ValueError(f"{action} needs {' and '.join(missing)}")
        for name in ("unit", "parent", "askers", "by", "stars"):
            if getattr(self, name) is not None and name not in TAKES.get(self.action, ()):
                raise ValueError(f"{self.action} takes no {name}")
        return self

    def more(self) -> dict[str, Any]:
        """What the action takes beside its reason."""
        return {name: getattr(self, name) for name in TAKES.get(self.action, ()) if getattr(self, name) is not None}


NEEDS: dict[Action, tuple[str, ...]] = {
    Action.TRANSFER: ("unit",),
    Action.RULE: ("unit",),
    Action.MERGE: ("parent",),
    Action.RATE: ("by", "stars"),
}
TAKES: dict[Action, tuple[str, ...]] = NEEDS | {Action.DISPATCH: ("unit",), Action.FEEDBACK: ("askers",)}


class ReasonBody(Parameters):
    """`POST /api/incidents/{incident}/contacts`: why; it is entered in the audit log."""

    reason: Text
