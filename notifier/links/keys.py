"""The keys that sign links and hide addresses."""

import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from notifier.errors import NotifierError
from notifier.links.addresses import address_key
from notifier.settings import Settings
from notifier.settings_checks import MIN_SECRET_CHARS

KEY_FILE = "secret-key"


def signing_keys(settings: Settings, *, make: bool = True) -> list[str]:
    """Return the keys, oldest first; the last one signs. Without SECRET_KEYS: one key, made once and kept.

    Whoever only looks makes none, and gets a NotifierError where there is none.
    """
    if settings.secret_keys:
        return [key.get_secret_value() for key in settings.secret_keys]
    return [_kept_key(settings.notifier_home / KEY_FILE, make=make)]


def email_key(keys: Sequence[str], address: str) -> bytes:
    """The same 32 bytes for the same mailbox, from the oldest key, as new keys must not make new people."""
    return hmac.digest(f"email.v1:{keys[0]}".encode(), address_key(address).encode(), "sha256")


def _kept_key(path: Path, *, make: bool) -> str:
    try:
        return _read(path)
    except FileNotFoundError:
        if not make:
            raise NotifierError(
                f"SECRET_KEYS is not set, and {path.absolute()} does not exist.",
                "Run this where the other processes run, with their settings.",
            ) from None
        _make(path)
        return _read(path)


def _make(path: Path) -> None:
    """Written aside and linked into place: of two processes one wins, and nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first, and its key is the one
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    key = path.read_text(encoding="ascii", errors="replace").strip()
    if len(key) < MIN_SECRET_CHARS:
        raise NotifierError(
            f"The signing key in {path} is damaged.",
            "Restore it from a backup: links in mails that went out are signed with it. "
            "If no mail ever went out, remove the file and a new key is made.",
        )
    return key
