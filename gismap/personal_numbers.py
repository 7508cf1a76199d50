"""What looks like the identity number or the mobile number of a person, in any text; whose it is, is not known here."""

import re
import unicodedata

_IDENTITY_NUMBER = re.compile(
    r"(?<![0-9a-z])[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dx](?![0-9a-z])", re.IGNORECASE
)
_MOBILE_NUMBER = re.compile(r"(?<![0-9.])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9])")


def personal_number(value: object) -> str | None:
    """What a value looks like that is a person's number, in words; None when it does not."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else 0
    text = unicodedata.normalize("NFKC", str(value))
    if _IDENTITY_NUMBER.search(text):
        return "an identity number"
    return "a mobile number" if _MOBILE_NUMBER.search(text) else None
