"""
Files of ended processes, folded into one a kind, so that a scrape never grows slower.

A counter must not forget: deleting a dead worker's file would make its requests vanish, and their
return look like requests that never happened. So their sums move into an archive instead. Scrapes
hold the same lock and see the files either before or after; a crash in between is finished by
whoever comes next, from the journal.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from slo import multiprocess

_LOCK: Final = "slo.lock"
_JOURNAL: Final = "slo.compaction"
_DRAFT: Final = ".draft"
# As prometheus_client names them, or with the host before the process id.
_COUNTED: Final = re.compile(
    r"(?P<kind>counter|histogram|summary)_((?P<host>.+)-)?(?P<pid>\d+)\.db"
)


@contextmanager
def undisturbed(directory: Path) -> Iterator[None]:
    """Read the files of `directory` in the block while nobody compacts them."""
    is_interrupted = (directory / _JOURNAL).exists()
    with _locked(directory, fcntl.LOCK_EX if is_interrupted else fcntl.LOCK_SH):
        if is_interrupted:
            _finish(directory)
        yield


def compact(directory: Path) -> int:
    """Fold the files of this host's ended processes into its archives; return how many."""
    with _locked(directory, fcntl.LOCK_EX):
        _finish(directory)
        dead = _of_the_dead(directory)
        for archive, files in dead.items():
            old = [archive] if archive.exists() else []
            _draft_of(archive).write_bytes(_encoded(multiprocess.sums([*old, *files])))
        moved = [each.name for files in dead.values() for each in files]
        if moved:
            _write_journal(directory, [*(_draft_of(each).name for each in dead), *moved])
            _finish(directory)
        return len(moved)


@contextmanager
def _locked(directory: Path, kind: int) -> Iterator[None]:
    with (directory / _LOCK).open("ab") as lock:
        fcntl.flock(lock, kind)  # released with the file
        yield


def _of_the_dead(directory: Path) -> dict[Path, list[Path]]:
    """Return the files whose process of this host has ended, by the archive they belong in."""
    host = socket.gethostname().replace("_", "-")
    found: dict[Path, list[Path]] = {}
    for path in sorted(directory.glob("*.db")):
        named = _COUNTED.fullmatch(path.name)
        if named and named["host"] in {None, host} and not _is_alive(int(named["pid"])):
            archive = directory / f"{named['kind']}_{host}-archive.db"
            found.setdefault(archive, []).append(path)
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _draft_of(archive: Path) -> Path:
    return archive.with_name(archive.name + _DRAFT)


def _write_journal(directory: Path, names: list[str]) -> None:
    """Decide, at one moment, that the drafts count and the files do not."""
    draft = directory / (_JOURNAL + _DRAFT)
    draft.write_text("\n".join(names), encoding="utf-8")
    draft.replace(directory / _JOURNAL)


def _finish(directory: Path) -> None:
    """Do what the journal decided, or the rest of it; without one there is nothing to do."""
    journal = directory / _JOURNAL
    if not journal.exists():
        return
    for name in journal.read_text(encoding="utf-8").split("\n"):
        path = directory / name
        if not name.endswith(_DRAFT):
            path.unlink(missing_ok=True)
        elif path.exists():
            path.replace(directory / name.removesuffix(_DRAFT))
    journal.unlink()


def _encoded(sums: Mapping[bytes, float]) -> bytes:
    """Return a file in upstream's layout (its mmap_dict.py) that holds `sums`."""
    entries = []
    for key, value in sums.items():
        padded = key + b" " * (8 - (len(key) + 4) % 8)
        entries.append(struct.pack(f"i{len(padded)}sdd", len(key), padded, value, 0.0))
    body = b"".join(entries)
    return struct.pack("ii", multiprocess.HEADER_BYTES + len(body), 0) + body
