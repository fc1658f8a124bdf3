"""
Run a command that cannot outlive the process that asked for it.

    python -I -S tether.py PARENT_PID SIGNAL USER COMMAND [ARGUMENT ...]

Linux only tells a child of its parent's death when the child asked to be told, and forgets the
wish when the child changes its user; so this small program changes the user, asks, makes sure
that the parent is still there, and then becomes the command. USER is `-` for no change.
Elsewhere it only changes the user: the start and stop of the demo do the rest.

Loaded by path, without site-packages, because the user it changes to may not read them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    parent_pid, signal_number, user, command = int(argv[0]), int(argv[1]), argv[2], argv[3:]
    # Before the user changes: the new one may not read this Python's library.
    prctl, program = prctl_function(), shutil.which(command[0]) or command[0]
    if user != "-":
        become(user)
    if prctl is not None:
        die_with_parent(prctl, parent_pid, signal_number)
    os.execv(program, command)  # noqa: S606 - the whole point is to become the command


def become(user: str) -> None:
    """Give up root for good: no groups, no way back."""
    import pwd  # noqa: PLC0415 - does not exist on every platform

    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)


def die_with_parent(prctl: Callable[..., int], parent_pid: int, signal_number: int) -> None:
    """Ask the kernel for `signal_number` when the thread that started us ends."""
    if prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent_pid:  # it died before we asked
        sys.exit(1)


def prctl_function() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # noqa: PLC0415 - only Linux needs it

    return ctypes.CDLL(None).prctl


if __name__ == "__main__":
    main(sys.argv[1:])
