"""Reading the files of a checkout, with the file named in whatever goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """A file that is missing or is not what its name says; the message begins with its path."""


def names(root: Path, folder: str, pattern: str) -> list[str]:
    """
    Return the files of `folder` that match `pattern`, relative to `root`, sorted.

    :raises Unreadable: when there is none, because a check of nothing would pass
    """
    found = sorted(str(path.relative_to(root)) for path in (root / folder).glob(pattern))
    if not found:
        raise Unreadable(f"{folder}: has no {pattern}")
    return found


def text(root: Path, path: str) -> str:
    """
    Return what is written in `path`.

    :raises Unreadable: when there is no such file
    """
    try:
        return (root / path).read_text()
    except FileNotFoundError as error:
        raise Unreadable(f"{path}: is missing") from error


def document(root: Path, path: str) -> Any:
    """
    Return the YAML document in `path`.

    :raises Unreadable: when it is missing, empty or not YAML
    """
    try:
        content = yaml.load(text(root, path), Loader=_SAFE)  # noqa: S506 - a safe loader, in C
    except yaml.YAMLError as error:
        raise Unreadable(f"{path}: is not YAML: {error}") from error
    if not content:
        raise Unreadable(f"{path}: is empty")
    return content
