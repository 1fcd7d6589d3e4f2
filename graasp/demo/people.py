"""The people of the demo course."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import exists, select

from graasp.accounts.tables import account

# Meant to be known: demo accounts are made in development only.
PASSWORD = "Learn-optics-1"  # noqa: S105

_NAMESPACE = UUID("5d1f6c1e-8f0b-4a39-9f5e-6a7d3b0f8c21")
_TEACHERS = ("Amina", "Bruno", "Clara")
_ROLES = ("teacher, owns the course", "teacher, may edit", "teacher, may read")
_PERMISSIONS = ("admin", "write", "read")
# Not in alphabetical order: a class never is.
_LEARNERS = (
    *("Samir", "Adèle", "Wei", "Giulia", "Hugo", "Fatou", "Jonas", "Zoé", "Beatriz", "Omar"),
    *("Daria", "Milo", "Nadia", "Ali", "Tessa", "Chen", "Valentina", "Elio", "Kaya", "Quentin"),
    *("Ines", "Yusuf", "Léa", "Rosa", "Marco", "Lina", "Ugo", "Paula", "Nour", "Xenia"),
)
_LANGUAGES = ("fr", "en", "de", "it")


@dataclass(frozen=True)
class Person:
    """A member of the course: `code` is what the files of the demo call them, such as `t1` or `l12`."""

    code: str
    id: UUID
    name: str
    email: str
    lang: str
    permission: str
    place: Mapping[str, Any]

    @property
    def is_teacher(self) -> bool:
        return self.code.startswith("t")


@dataclass(frozen=True)
class SignIn:
    """An account to sign in with, and what it is for."""

    name: str
    role: str
    email: str
    password: str


def demo_id(*parts: object) -> UUID:
    """The same id for the same thing, every time."""
    return uuid5(_NAMESPACE, "/".join(map(str, parts)))


# Whether the demo course is in a database.
IS_THERE = select(exists().where(account.c.id == demo_id("teacher", 1)))


def people() -> list[Person]:
    """Three teachers, then thirty learners."""
    teachers = [_person("t", "teacher", n, name, "en") for n, name in enumerate(_TEACHERS, start=1)]
    learners = [
        _person("l", "learner", n, name, _LANGUAGES[n % len(_LANGUAGES)])
        for n, name in enumerate(_LEARNERS, start=1)
    ]
    return [*teachers, *learners]


def sign_ins() -> list[SignIn]:
    """Those that a start page shows: every teacher, and one of the learners."""
    shown = people()[: len(_TEACHERS) + 1]
    roles = (*_ROLES, "learner")
    return [
        SignIn(person.name, role, person.email, PASSWORD) for person, role in zip(shown, roles, strict=True)
    ]


def _person(letter: str, kind: str, number: int, name: str, lang: str) -> Person:
    return Person(
        code=f"{letter}{number}",
        id=demo_id(kind, number),
        name=name,
        email=f"{kind}{number}@example.org",
        lang=lang,
        permission=_PERMISSIONS[number - 1] if kind == "teacher" else "read",
        place=SCHOOL if number % 3 else _ELSEWHERE[number // 3 % len(_ELSEWHERE)],
    )


def _place(
    block: int, country: str, region: str, city: str, zone: str, ll: tuple[float, float]
) -> dict[str, Any]:
    # The blocks of addresses are those for documentation.
    return {
        "range": [block, block + 255],
        "country": country,
        "region": region,
        "eu": "0" if country == "CH" else "1",
        "timezone": zone,
        "city": city,
        "ll": list(ll),
        "metro": 0,
        "area": 20,
    }


SCHOOL = _place(3221225984, "CH", "VS", "Sion", "Europe/Zurich", (46.2331, 7.3606))
_ELSEWHERE = (
    _place(3325256704, "CH", "VD", "Lausanne", "Europe/Zurich", (46.5197, 6.6323)),
    _place(3405803776, "FR", "ARA", "Lyon", "Europe/Paris", (45.764, 4.8357)),
    _place(3325256704, "IT", "25", "Milano", "Europe/Rome", (45.4642, 9.19)),
)
PLACES = (SCHOOL, *_ELSEWHERE)
