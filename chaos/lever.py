"""
The lever that works with everything dead: while a file exists nothing is armed, nor can be.

`settings.CHAOS["STOP_FILE"]` names it. Whoever can write to the machine's disk pulls it with
`touch` and lets go with `rm`; the control thread of every process on the machine looks for it
each second, with or without a database.
"""

from __future__ import annotations

from pathlib import Path

from chaos import conf


def file() -> str:
    """Return the path of the file, or "" where a project names none."""
    return str(conf.get("STOP_FILE") or "")


def is_pulled() -> bool:
    """Tell whether the file exists on this machine."""
    path = file()
    return bool(path) and Path(path).exists()
