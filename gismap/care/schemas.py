"""What requests about persons in care look like on the wire."""

from typing import Annotated

from pydantic import Field, StrictStr, field_validator

from gismap.care.records import Wanted
from gismap.care.values import IdentityField
from gismap.errors import BadInputError
from gismap.geometry.codes import check_identity
from gismap.geometry.errors import CodeError
from gismap.http import Parameters, Text

Reason = Annotated[Text, Field(description="Why; it is entered in the audit log.")]


class PersonsQuery(Parameters):
    """`GET /api/care/persons` and `GET /api/care/drill`."""

    unit: Text | None = None
    category: Text | None = None
    purpose: Text | None = None
    cursor: Text | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    def wanted(self, *, of_drill: bool = False) -> Wanted:
        """The question, but for the asker's territories.

        Raises:
            BadInputError: the cursor is none of ours.
        """
        try:
            after = None if self.cursor is None else check_identity(self.cursor)
        except CodeError as error:
            raise BadInputError("this is no cursor: use `next` of the page before", field="cursor") from error
        return Wanted(self.unit, self.category, self.purpose, after, self.limit, of_drill)


class RevealBody(Parameters):
    """`POST /api/care/persons/{person}/reveal`."""

    fields: Annotated[list[IdentityField], Field(min_length=1, max_length=len(IdentityField))]
    reason: Reason

    @field_validator("fields")
    @classmethod
    def _each_once(cls, fields: list[IdentityField]) -> list[IdentityField]:
        return list(dict.fromkeys(fields))


class LookUpBody(Parameters):
    """`POST /api/care/persons/lookup`."""

    id_number: Annotated[StrictStr, Field(max_length=40)]
    reason: Reason


class ReasonBody(Parameters):
    """What changes a record, or copies it, says why."""

    reason: Reason


class CorrectBody(Parameters):
    """`POST /api/care/persons/{person}/correct`."""

    fields: Annotated[dict[IdentityField, Text], Field(min_length=1)]
    reason: Reason
