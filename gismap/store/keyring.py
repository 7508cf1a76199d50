"""Seals texts with keys that are kept in a file outside of the database; what is worth sealing is decided elsewhere.

A seal is AES-256-GCM over the text with a fresh nonce of 12 bytes before it, bound to a place (which record, which
field), so that a sealed value cannot be moved to another one. What has to be found again has a keyed digest beside it.
"""

import base64
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gismap.errors import ConflictError, EnvironmentProblemError

KEY_BYTES, NONCE_BYTES = 32, 12
MOST_KEYS = 32_767


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys by number, of which the newest seals, and the key of digests."""

    keys: Mapping[int, bytes]
    digest_key: bytes

    @property
    def newest(self) -> int:
        """The number of the key that seals."""
        return max(self.keys)

    def seal(self, text: str, place: str) -> tuple[int, bytes]:
        """The number of the key, and the sealed text."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self.newest, nonce + AESGCM(self.keys[self.newest]).encrypt(nonce, text.encode(), place.encode())

    def open(self, number: int, sealed: bytes, place: str) -> str:
        """The text that was sealed for this place.

        Raises:
            EnvironmentProblemError: the key is not in the file, or the value was changed or belongs elsewhere.
        """
        if number not in self.keys:
            raise EnvironmentProblemError(f"the keyring has no key {number}: restore the file that it is in")
        try:
            plain = AESGCM(self.keys[number]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:  # the second where it is too short to be a seal
            raise EnvironmentProblemError(
                f"what is sealed at {place} was changed, or with another key {number}: restore both from one backup"
            ) from error
        return plain.decode()

    def digest(self, text: str, kind: str) -> bytes:
        """A digest that only whoever has the keyring can make, for exact look-up among values of one kind."""
        return hmac.digest(self.digest_key, f"{kind}\0{text}".encode(), "sha256")


def contact_place(asker: str) -> str:
    """What the sealed contact of somebody who reported an incident is bound to."""
    return f"asker {asker}"


def new_keyring() -> Keyring:
    """A keyring with one key."""
    return Keyring({1: secrets.token_bytes(KEY_BYTES)}, secrets.token_bytes(KEY_BYTES))


def with_new_key(keyring: Keyring) -> Keyring:
    """The keyring with one more key, which seals from now on."""
    if keyring.newest >= MOST_KEYS:
        raise ConflictError("there are no numbers left for keys")
    return Keyring({**keyring.keys, keyring.newest + 1: secrets.token_bytes(KEY_BYTES)}, keyring.digest_key)


def read_keyring(path: Path) -> Keyring | None:
    """The keyring in a file; None when there is no file.

    Raises:
        EnvironmentProblemError: it cannot be read, is no keyring, or is open to other accounts of the machine.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentProblemError(f"{path} cannot be read: {error.strerror}", field="GISMAP_KEYRING") from error
    if mode & 0o077:
        raise EnvironmentProblemError(
            f"{path} is open to other accounts of this machine: `chmod 600` it", field="GISMAP_KEYRING"
        )
    try:
        content = orjson.loads(text)
        keys = {int(number): _key(key) for number, key in content["keys"].items()}
        if not keys:
            raise ValueError("no keys")
        keyring = Keyring(keys, _key(content["digest_key"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EnvironmentProblemError(f"{path} is no keyring of gismap", field="GISMAP_KEYRING") from error
    return keyring


def write_keyring(path: Path, keyring: Keyring) -> None:
    """Write the file whole or not at all, readable for this account alone.

    Raises:
        EnvironmentProblemError: the file cannot be written.
    """
    content = {
        "keys": {str(number): base64.b64encode(key).decode() for number, key in sorted(keyring.keys.items())},
        "digest_key": base64.b64encode(keyring.digest_key).decode(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise EnvironmentProblemError(f"{path} cannot be written: {error.strerror}", field="GISMAP_KEYRING") from error


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return key
