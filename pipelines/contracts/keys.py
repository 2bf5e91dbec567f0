"""Keys: keyed hashes of direct identifiers, in one place.

Lives here: the pepper (where it comes from, how one is made) and `value_key`, HMAC-SHA256 with the identifier's type
as its domain, for one value or for a whole column.
Stays out: normal forms of identifiers (`pipelines.channels.identifiers`) and the vault (`pipelines.ingest`).

The pepper comes from `CAW_PEPPER`, else from the 0600 file that `caw init` makes in the vault. It is never printed,
logged or stored elsewhere. The key of the demonstration is fixed and known to everybody; it is marked as such.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import polars as pl

from pipelines.contracts.errors import CawError
from pipelines.contracts.settings import Settings

DEMO_PEPPER = b"demo-only: this key is public and protects nobody"
"""The fixed key of the demonstration: published, so that everybody gets the same demo; never for real people."""

MIN_PEPPER_BYTES = 32
KEY_HEX_DIGITS = 32
_BLOCK = 64


class MissingPepperError(CawError):
    """There is no key for the identifier hashes, or it is too short to protect anything."""


def pepper_path(settings: Settings) -> Path:
    """Where the house keeps its pepper."""
    return settings.vault_dir / "pepper"


def load_pepper(settings: Settings) -> bytes:
    """The key of the identifier hashes; MissingPepperError says how to make one."""
    if settings.pepper is not None:
        pepper, origin = settings.pepper.get_secret_value().encode(), "CAW_PEPPER"
    else:
        path = pepper_path(settings)
        if not path.is_file():
            raise MissingPepperError(
                f"There is no key for the identifier hashes: CAW_PEPPER is not set and {path} does not exist.",
                "`caw init` makes one and keeps it; without the same key the same person gets another id.",
            )
        pepper, origin = path.read_bytes().strip(), str(path)
    if len(pepper) < MIN_PEPPER_BYTES:
        raise MissingPepperError(
            f"The key in {origin} has {len(pepper)} bytes; it needs {MIN_PEPPER_BYTES} or more.",
            "`caw init` makes a good one where there is none.",
        )
    return pepper


def make_pepper(settings: Settings, pepper: bytes | None = None) -> bool:
    """Keep a new random pepper (or the one given) in the vault; False when there is one already.

    The file has mode 0600 from its first byte on, its folder 0700.
    """
    path = pepper_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(pepper or secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
    return True


def is_demo_pepper(pepper: bytes) -> bool:
    """Whether this is the public key of the demonstration."""
    return hmac.compare_digest(pepper, DEMO_PEPPER)


def pepper_id(pepper: bytes) -> str:
    """A short public name of the pepper: tells two apart and reveals neither."""
    return hmac.new(pepper, b"pepper id", hashlib.sha256).hexdigest()[:12]


def value_key(pepper: bytes, id_type: str, normalised: str) -> str:
    """32 hex digits of HMAC-SHA256 over type and normal form: values of different types never share a key."""
    return hmac.new(pepper, _message(id_type, normalised), hashlib.sha256).hexdigest()[:KEY_HEX_DIGITS]


def value_keys(pepper: bytes, id_type: str, normalised: pl.Series) -> pl.Series:
    """`value_key` of every value, null for null; hand over distinct values (about 0.7 M a second).

    HMAC is two hashes that start with the padded key; both starts are computed once and copied.
    """
    inner, outer = _pads(pepper)
    started, finishing = hashlib.sha256(inner + _message(id_type, "")), hashlib.sha256(outer)
    keys: list[str | None] = []
    for value in normalised.cast(pl.String).to_list():
        if value is None:
            keys.append(None)
            continue
        first, second = started.copy(), finishing.copy()
        first.update(value.encode())
        second.update(first.digest())
        keys.append(second.hexdigest()[:KEY_HEX_DIGITS])
    return pl.Series("key", keys, dtype=pl.String)


def _message(id_type: str, normalised: str) -> bytes:
    return f"{id_type}\x1f{normalised}".encode()


def _pads(pepper: bytes) -> tuple[bytes, bytes]:
    """The key block of HMAC with its inner and outer padding."""
    block = (hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK else pepper).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
