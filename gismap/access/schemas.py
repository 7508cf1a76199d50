"""What the calls around a session take; what they answer is put together in `routes`."""

from typing import Annotated

from pydantic import Field, model_validator

from gismap.access.values import Role
from gismap.http import AnyText, Parameters, Text


class SignInBody(Parameters):
    """`POST /api/session`: a username with its password, or on a demo the role of one of its users."""

    username: Text | None = None
    password: Annotated[AnyText | None, Field(repr=False)] = None
    demo: Role | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "SignInBody":
        by_password = self.username is not None and self.password is not None
        if by_password == (self.demo is not None) or (self.username is None) != (self.password is None):
            raise ValueError('give {"username", "password"}, or on a demo {"demo": ROLE}')
        return self


class SignOutQuery(Parameters):
    """`DELETE /api/session`."""

    everywhere: bool = False
