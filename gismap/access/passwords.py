"""Passwords: hashed with Argon2id, checked in constant time, judged by length; where they are kept is not here."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gismap.errors import BadInputError

SHORTEST, LONGEST = 12, 200
_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """The Argon2id hash of a new password, with its parameters in it.

    Raises:
        BadInputError: shorter than `SHORTEST` or longer than `LONGEST` characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInputError(f"a password has {SHORTEST} to {LONGEST} characters", field="password")
    return _HASHER.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether a password is the one behind a hash; without a hash it takes as long and is wrong.

    So nobody learns from the time of an answer whether a user exists.
    """
    try:
        _HASHER.verify(stored or _nobody(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def needs_new_hash(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
