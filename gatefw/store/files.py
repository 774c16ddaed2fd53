"""Whole files: read a trust folder, replace a file so that a power cut leaves the old or the new, keep the secret."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from gatefw.errors import StoreError, TrustError
from gatefw.store.schema import sync_folder

TRUST_FILE_BYTES: Final = 4 * 1024 * 1024
"""The largest single list: a national revocation slice stays far below it."""

TRUST_FILES: Final = 2000
"""The most files of one trust folder (the EU list of 2022 held about 300 keys)."""

TRUST_TOTAL_BYTES: Final = 64 * 1024 * 1024

SECRET_BYTES: Final = 32


def read_trust(folder: Path) -> dict[str, bytes]:
    """Read every regular file of a trust folder: relative name (`issuers/a.pem`) to bytes, sorted by name.

    Raises TrustError for a missing folder, a link that leads out of it, anything that is no file or folder, and
    more than 2000 files, 4 MiB a file or 64 MiB in all.
    """
    if not folder.is_dir():
        raise TrustError("trust_missing", f"There is no trust folder {folder}: install it or correct the settings.")
    try:
        return _read_all(folder, folder.resolve())
    except OSError as error:
        raise TrustError("trust_unreadable", f"{error.filename or folder} can't be read: {error.strerror}.") from error


def _read_all(folder: Path, root: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = path.relative_to(folder).as_posix()
        files[name] = _read_one(path, root, name)
        total += len(files[name])
        if len(files) > TRUST_FILES or total > TRUST_TOTAL_BYTES:
            raise TrustError("trust_too_large", f"{folder} holds more than {TRUST_FILES} files or 64 MiB.")
    return files


def _read_one(path: Path, root: Path, name: str) -> bytes:
    if not path.resolve().is_relative_to(root):
        raise TrustError("trust_link", f"{name} leads out of the trust folder: put the file itself there.")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise TrustError("trust_not_a_file", f"{name} is no regular file: remove it from the trust folder.")
        content = file.read(TRUST_FILE_BYTES + 1)
    if len(content) > TRUST_FILE_BYTES:
        raise TrustError("trust_too_large", f"{name} is larger than {TRUST_FILE_BYTES} bytes.")
    return content


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put `data` at `path` so that a power cut leaves the old content or the new, never a mixture.

    Raises StoreError; the old content then stands.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        _write_synced(temporary, data, mode)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError("storage_error", f"{path} can't be replaced ({error.strerror}): check the card.") from error


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        # The umask may have taken bits away, and must not give more than asked.
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def site_secret(path: Path) -> bytes:
    """Return the site's secret (32 bytes), drawn at the first start; the file is readable by its owner only.

    Raises StoreError `secret_exposed` if group or others may touch it, `secret_length` if it is not 32 bytes.
    """
    try:
        if not path.exists():
            replace_file(path, secrets.token_bytes(SECRET_BYTES))
        mode = stat.S_IMODE(path.stat().st_mode)
        secret = path.read_bytes()
    except StoreError:
        raise
    except OSError as error:
        raise StoreError("storage_error", f"{path} can't be read: {error.strerror}.") from error
    if mode & 0o077:
        raise StoreError("secret_exposed", f"{path} is open to others (mode {mode:04o}): run chmod 600 {path}.")
    if len(secret) != SECRET_BYTES:
        raise StoreError("secret_length", f"{path} must hold {SECRET_BYTES} bytes: move it aside, a new one is drawn.")
    return secret
