"""
The grammar of the seed's conversations: intent x product x tone, in Portuguese and English.

The words are data (`pt.toml`, `en.toml`); this module only loads them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PORTUGUESE, ENGLISH = "pt", "en"
_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Intent:
    """Why somebody writes, and how that conversation goes."""

    key: str
    tags: list[str]
    urgency: str
    about: str
    files: list[str]
    subjects: list[str]
    opens: list[str]
    rounds: list[list[str]]
    solves: list[str]


@dataclass(frozen=True, slots=True)
class Language:
    """Everything that can be said in one language."""

    code: str
    slots: dict[str, list[str]]
    speech: dict[str, Any]
    intents: tuple[Intent, ...]


@cache
def language(code: str) -> Language:
    """Return the grammar of `pt` or `en`."""
    with (_FOLDER / f"{code}.toml").open("rb") as file:
        words = tomllib.load(file)
    intents = tuple(Intent(**intent) for intent in words["intent"])
    return Language(code, words["slots"], words["speech"], intents)
