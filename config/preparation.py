"""Bring a database to what the code expects: migrations, then synthetic data."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from config.embedded import Services, folders

_MANAGE: Final = folders.REPOSITORY / "manage.py"


class StepFailed(Exception):
    """A `manage.py` command that prepares the database failed; it has said why."""

    def __init__(self, arguments: Sequence[str], code: int) -> None:
        super().__init__(f"manage.py {' '.join(arguments)} failed with exit code {code}.")


def prepare(env: Mapping[str, str], services: Services, *, is_seeded: bool, handover: Path) -> None:
    """
    Migrate and seed, each only when it has not been done to this data folder.

    The seed writes who may log in and what there is to open into the folder `handover`.

    A database of the user's own carries no note of ours, so both run (and change nothing twice).

    :raises StepFailed: naming the command
    """
    wanted = {"migrated": _fingerprint(folders.REPOSITORY)}
    if is_seeded:
        wanted["seeded"] = "yes"
    note = services.folder / "prepared" if services.folder and services.postgres else None
    done = _read(note)
    if done.get("migrated") != wanted["migrated"]:
        _manage(["migrate", "--noinput", "--verbosity", "1"], env)
    if is_seeded and not ("seeded" in done and accounts_file(handover).exists()):
        seed(env, handover=handover)
    if note:
        note.write_text("".join(f"{key}={value}\n" for key, value in {**done, **wanted}.items()))


def accounts_file(handover: Path) -> Path:
    """Return where the seed says who may log in: `[{"email", "password", "role"}]`."""
    return handover / "accounts.json"


def ids_file(handover: Path) -> Path:
    """Return where the seed says which tickets and campaigns there are to open."""
    return handover / "ids.json"


def seed(env: Mapping[str, str], *, handover: Path | None = None) -> None:
    """
    Add the synthetic data that is missing; write into `handover` what loads and clicks need.

    :raises StepFailed: when the command fails
    """
    files = []
    if handover:
        files = ["--accounts", str(accounts_file(handover)), "--ids", str(ids_file(handover))]
    _manage(["seed_qa", *files], env)


def _manage(arguments: Sequence[str], env: Mapping[str, str]) -> None:
    command = [sys.executable, str(_MANAGE), *arguments]
    done = subprocess.run(command, env=dict(env), cwd=_MANAGE.parent, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StepFailed(arguments, done.returncode)


def _read(note: Path | None) -> dict[str, str]:
    if note is None or not note.exists():
        return {}
    return dict(line.split("=", 1) for line in note.read_text().splitlines())


def _fingerprint(repository: Path) -> str:
    """Return what changes when a migration does: ours, or one of a pinned package."""
    digest = hashlib.sha256((repository / "requirements" / "runtime.txt").read_bytes())
    for path in sorted(repository.glob("*/migrations/*.py")):
        digest.update(str(path.relative_to(repository)).encode() + path.read_bytes())
    return digest.hexdigest()
