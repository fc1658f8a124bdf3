"""Where the private services keep their data, and who owns it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import socket
from pathlib import Path
from typing import IO, Final

from config.embedded.errors import DataFolderBusy

REPOSITORY: Final = Path(__file__).resolve().parents[2]
RUN: Final = REPOSITORY / ".run"
_OUTSIDE: Final = Path("/var/tmp")  # noqa: S108 - survives a restart; what we make in it is ours


def service_user() -> str | None:
    """Return who shall run the servers when we are root; else None: ourselves."""
    if os.geteuid() != 0:
        return None
    names = {account.pw_name for account in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def data_folder(name: str) -> Path:
    """Return the folder, owned by the services' user, of the services called `name`."""
    folder = run_folder() / name / "services"
    folder.mkdir(parents=True, exist_ok=True)
    user = service_user()
    if user is not None:
        _let_pass(folder.parent)
        shutil.chown(folder, user)
    folder.chmod(0o700)
    return folder


def shared_folder(name: str) -> Path:
    """Return a folder of ours that the services' user may read."""
    folder = run_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    _let_pass(folder)
    return folder


def outside_folder() -> Path:
    """
    Return the stand-in for `.run/` of a checkout that the services' user cannot reach.

    :raises PermissionError: somebody else made it first
    """
    key = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:12]
    folder = _OUTSIDE / f"steadydesk-{os.geteuid()}-{key}"
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.geteuid()):
        raise PermissionError(f"{folder} belongs to somebody else; remove it.")
    return folder


def run_folder() -> Path:
    """Return `.run/`, or its stand-in for a checkout in, say, /root."""
    user = service_user()
    return RUN if user is None or _may_walk_to(REPOSITORY, user) else outside_folder()


def _may_walk_to(folder: Path, user: str) -> bool:
    """Answer whether `user` may pass `folder` and each of its parents."""
    account = pwd.getpwnam(user)
    for place in (folder, *folder.parents):
        status = place.stat()
        is_owner, is_group = status.st_uid == account.pw_uid, status.st_gid == account.pw_gid
        needed = 0o100 if is_owner else 0o010 if is_group else 0o001
        if not status.st_mode & needed:
            return False
    return True


def _let_pass(folder: Path) -> None:
    """Make `folder` and what leads to it inside our own place passable, whatever the umask."""
    for place in (folder, *folder.parents):
        if place in {REPOSITORY, _OUTSIDE}:
            return
        place.chmod(place.stat().st_mode | 0o711)


def claim(folder: Path) -> IO[str]:
    """
    Take `folder` for as long as the returned file stays open; a killed owner gives it back.

    :raises DataFolderBusy: another process holds it
    """
    handle = (folder / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise DataFolderBusy(folder) from error
    return handle


def remove_leftovers() -> None:
    """Remove what killed owners of throwaway services left; a live one holds its lock."""
    for folder in run_folder().glob("*-[0-9]*/services"):
        try:
            claim(folder).close()
        except (DataFolderBusy, OSError):
            continue
        shutil.rmtree(folder.parent, ignore_errors=True)


def free_port() -> int:
    """Return a loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
