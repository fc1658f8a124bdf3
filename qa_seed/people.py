"""
The seed's people: staff who sign in, and customers who write.

Nobody here can be reached: mail domains are reserved (RFC 2606), mobile numbers start with the
0 that Brazil's plan gives to no subscriber, Telegram names hold a hyphen, which Telegram refuses.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from helpdesk.access import Role
from helpdesk.models import Channel
from qa_seed.dice import Dice, dice_of, few_dice_of, pick, pick_weighted
from qa_seed.grammar import ENGLISH, PORTUGUESE
from qa_seed.plan import EMAIL_DOMAIN, HISTORY_DAYS, STAFF_DOMAIN, WEB_DOMAIN, Plan

PASSWORD: Final = "demo-pass-123"  # noqa: S105 - public, and refused in production
DEMO_LOGINS: Final = (
    ("owner@demo.test", "Olívia Nogueira", Role.OWNER),
    ("admin@demo.test", "Adriana Furtado", Role.ADMIN),
    ("agent@demo.test", "Gabriel Antunes", Role.AGENT),
    ("viewer@demo.test", "Vicente Prado", Role.VIEWER),
)
_ROLES: Final = {Role.AGENT: 16.0, Role.ADMIN: 2.0, Role.VIEWER: 2.0}
_LEFT_EVERY: Final = 17  # every 17th colleague has left and cannot sign in

_FIRST_NAMES: Final = (
    "Ana", "Beatriz", "Bruno", "Caio", "Camila", "Cauê", "Clara", "Daniel", "Débora", "Diego",
    "Eduardo", "Elisa", "Fábio", "Fernanda", "Flávia", "Gustavo", "Helena", "Heitor", "Iara",
    "Igor", "Isabela", "João", "Joana", "Júlia", "Kauã", "Larissa", "Laís", "Leandro", "Letícia",
    "Lívia", "Lucas", "Luísa", "Marcelo", "Mariana", "Mateus", "Miguel", "Nádia", "Natália",
    "Otávio", "Patrícia", "Paulo", "Rafael", "Raquel", "Renata", "Rodrigo", "Sofia", "Tainá",
    "Thiago", "Valéria", "Vinícius", "Yasmin", "Zuleica",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Albuquerque", "Almeida", "Araújo", "Barbosa", "Batista", "Brandão", "Campos", "Cardoso",
    "Carvalho", "Cavalcanti", "Conceição", "Correia", "Costa", "D'Ávila", "Dias", "Esteves",
    "Farias", "Figueiredo", "Freitas", "Gonçalves", "Guimarães", "Lima", "Macêdo", "Magalhães",
    "Marques", "Medeiros", "Melo", "Monteiro", "Moraes", "Moreira", "Nakamura", "Nascimento",
    "Oliveira", "Pacheco", "Peixoto", "Pereira", "Queiroz", "Ramos", "Ribeiro", "Rocha", "Santana",
    "Santos", "Schneider", "Siqueira", "Souza", "Teixeira", "Vasconcelos", "Vieira", "Xavier",
)  # fmt: skip
_FEMININE: Final = frozenset({"Beatriz", "Laís", "Raquel", "Yasmin"})
_ENGLISH_FIRST: Final = (
    "Aisling", "Amelia", "Ben", "Chidi", "Claire", "Dev", "Ellen", "Farah", "George", "Hannah",
    "Ivy", "Jack", "Keisha", "Liam", "Maeve", "Noah", "Olive", "Priya", "Quinn", "Rosa", "Sam",
    "Tom", "Uma", "Will", "Zoë",
)  # fmt: skip
_ENGLISH_LAST: Final = (
    "Adeyemi", "Baker", "Carter", "Doyle", "Evans", "Fischer", "Grant", "Hughes", "Iyer", "Jones",
    "Kelly", "Lopez", "Murphy", "Novak", "O'Brien", "Patel", "Reid", "Singh", "Turner", "Walsh",
)  # fmt: skip
_AREA_CODES: Final = (
    "11",
    "19",
    "21",
    "27",
    "31",
    "41",
    "48",
    "51",
    "61",
    "62",
    "71",
    "81",
    "85",
    "92",
)
_CHANNELS: Final = {
    PORTUGUESE: {
        Channel.WHATSAPP: 0.52, Channel.WEB: 0.18, Channel.EMAIL: 0.17, Channel.TELEGRAM: 0.13,
    },
    ENGLISH: {Channel.EMAIL: 0.5, Channel.WEB: 0.3, Channel.TELEGRAM: 0.2},
}  # fmt: skip
_ENGLISH_SHARE: Final = 0.13
_COMES_BACK_SHARE: Final = 0.3
_OPTED_OUT_SHARE: Final = 0.03
_SCATTER: Final = 7_368_787


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works at the desk."""

    email: str
    name: str
    role: Role
    is_active: bool
    created_at: datetime


class Customer(NamedTuple):
    """Somebody who writes to the desk, always through one channel."""

    name: str
    language: str
    channel: str
    address: str
    opted_out_at: datetime | None
    created_at: datetime


def colleague(plan: Plan, index: int) -> Colleague:
    """Return colleague number `index`; the first four are the demo logins."""
    dice = dice_of(plan.seed, "user", index)
    joined = plan.now - timedelta(days=HISTORY_DAYS + int(dice.random() * 900))
    if index < len(DEMO_LOGINS):
        email, name, role = DEMO_LOGINS[index]
        return Colleague(email, name, role, is_active=True, created_at=joined)
    first, last = pick(dice, _FIRST_NAMES), pick(dice, _LAST_NAMES)
    return Colleague(
        email=f"{_plain(first)}.{_plain(last)}.{index}@{STAFF_DOMAIN}",
        name=f"{first} {last}",
        role=pick_weighted(dice, _ROLES),
        is_active=index % _LEFT_EVERY != _LEFT_EVERY - 1,
        created_at=joined,
    )


def customer(plan: Plan, index: int) -> Customer:
    """Return customer number `index`, known to the desk since before its history begins."""
    dice = few_dice_of(plan.seed, "contact", index)
    is_english = dice.random() < _ENGLISH_SHARE
    language = ENGLISH if is_english else PORTUGUESE
    name = _customer_name(dice, is_english=is_english)
    channel = pick_weighted(dice, _CHANNELS[language])
    known_since = plan.now - timedelta(days=HISTORY_DAYS + int(dice.random() * 600))
    left = plan.now - timedelta(days=int(dice.random() * HISTORY_DAYS))
    return Customer(
        name=name,
        language=language,
        channel=channel.value,
        address=_address(dice, channel, name, index),
        opted_out_at=left if dice.random() < _OPTED_OUT_SHARE else None,
        created_at=known_since,
    )


def first_name(name: str) -> str:
    return name.partition(" ")[0]


def is_feminine(name: str) -> bool:
    """Tell how Portuguese speaks of this first name, which its participles must agree with."""
    first = first_name(name)
    return first.endswith("a") or first in _FEMININE


def customer_index(plan: Plan, ticket_index: int) -> int:
    """
    Return whose ticket this is: a new customer's, or that of somebody who wrote before.

    Whoever comes back shares an earlier ticket's customer, so frequent writers become more
    frequent, as in life.
    """
    dice = few_dice_of(plan.seed, "returning", ticket_index)
    while ticket_index and dice.random() < _COMES_BACK_SHARE:
        ticket_index = int(dice.random() * ticket_index)
        dice = few_dice_of(plan.seed, "returning", ticket_index)
    return ticket_index


def _customer_name(dice: Dice, *, is_english: bool) -> str:
    if is_english:
        return f"{pick(dice, _ENGLISH_FIRST)} {pick(dice, _ENGLISH_LAST)}"
    middle = f" {pick(dice, _LAST_NAMES)}" if dice.random() < 0.4 else ""  # noqa: PLR2004
    return f"{pick(dice, _FIRST_NAMES)}{middle} {pick(dice, _LAST_NAMES)}"


def _address(dice: Dice, channel: Channel, name: str, index: int) -> str:
    """Return an address that no other index has."""
    parts = [_plain(part) for part in name.split(" ")]
    first, last = parts[0], parts[-1]
    if channel == Channel.WHATSAPP:
        line = (index + 1) * _SCATTER % 10**7  # one to one: the factor shares no divisor with ten
        return f"+55{pick(dice, _AREA_CODES)}90{line:07}"
    if channel == Channel.TELEGRAM:
        return f"@{first}-{last}-{index}"
    domain = EMAIL_DOMAIN if channel == Channel.EMAIL else WEB_DOMAIN
    return f"{first}.{last}.{index}@{domain}"


@cache
def _plain(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(char for char in bare.lower() if char.isalnum())
