"""The words of the mails, by language: the exact tag, else its base language, else English."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("en", "fr", "es", "it", "de", "ar")
RIGHT_TO_LEFT = frozenset(("ar",))

Catalogue = dict[str, dict[str, str]]


def language(tag: str) -> str:
    """The language a mail is written in for somebody who asked for `tag`."""
    base = tag.replace("_", "-").partition("-")[0].lower()
    return base if base in LANGUAGES else "en"


@cache
def catalogue(lang: str) -> Catalogue:
    """All texts of one language."""
    loaded: Any = yaml.safe_load((files("graasp.mail.catalogue") / f"{lang}.yaml").read_text("utf-8"))
    texts: Catalogue = loaded
    return texts
