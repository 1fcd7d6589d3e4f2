"""`h5p.json`: what a package says of itself, and what is wrong with it in the words that clients show."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from pydantic.alias_generators import to_camel

MANIFEST = "h5p.json"
# ISO 639-1, a former code, and "undetermined".
_LANGUAGES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
    dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
    ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
    lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
    rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr
    ts tt tw ty ug uk und ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905 - 185 short words
)
_TYPES = {"string_type": "string", "list_type": "array", "model_type": "object", "int_type": "integer"}

OptionalText = StrictStr | None
Version = StrictInt | StrictStr


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Dependency(_Part):
    machine_name: StrictStr
    major_version: Version
    minor_version: Version


class _Author(_Part):
    name: StrictStr
    role: Literal["Author", "Editor", "Licensee", "Originator"]


class _Change(_Part):
    date: StrictStr
    author: StrictStr
    log: StrictStr


class _Manifest(_Part):
    title: StrictStr
    main_library: StrictStr
    language: StrictStr
    preloaded_dependencies: list[_Dependency]
    embed_types: Annotated[list[Literal["div", "iframe"]], Field(min_length=1, max_length=2)]
    source: OptionalText = None
    license: OptionalText = None
    license_version: OptionalText = None
    license_extras: OptionalText = None
    author_comments: OptionalText = None
    year_from: Version | None = None
    year_to: Version | None = None
    authors: list[_Author] | None = None
    changes: list[_Change] | None = None


def problems(written: bytes) -> list[str]:
    """What is wrong with a manifest; nothing when it is right."""
    try:
        manifest = _Manifest.model_validate(orjson.loads(written.removeprefix(b"\xef\xbb\xbf")))
    except orjson.JSONDecodeError:
        return [f"{MANIFEST} is not valid JSON"]
    except ValidationError as error:
        return list(dict.fromkeys(_told(problem) for problem in error.errors(include_url=False)))
    found = []
    if manifest.language not in _LANGUAGES:
        found.append("language must be equal to one of the allowed values")
    if len(set(manifest.embed_types)) < len(manifest.embed_types):
        found.append("embedTypes must NOT have duplicate items")
    if manifest.main_library not in {library.machine_name for library in manifest.preloaded_dependencies}:
        found.append("main library not found in preloaded dependencies")
    return found


def _told(problem: Any) -> str:
    where = "/".join(str(part) for part in problem["loc"] if part not in ("int", "str"))
    match problem["type"]:
        case "missing":
            above, _, name = where.rpartition("/")
            return f"{above} must have required property '{name}'".strip()
        case "literal_error":
            return f"{where} must be equal to one of the allowed values"
        case "too_short":
            return f"{where} must NOT have fewer than 1 items"
        case "too_long":
            return f"{where} must NOT have more than 2 items"
        case kind:
            return f"{where} must be {_TYPES.get(kind, 'of another type')}".strip()
