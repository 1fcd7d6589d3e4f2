"""Every documented operation, and requests for it that nobody well-meaning would make."""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from graasp.server import write_openapi

# Of each kind, for each operation.
_EXAMPLES = 5
_BASE = "http://127.0.0.1:3000"
_JSON = {"Content-Type": "application/json"}
_UPPER_ID = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"
_VALUES: tuple[Any, ...] = (
    None, "", "\0", "a" * 70_000, "\ud800", "null", "-1", -1, 10**18, 10**30, 1e300, True, [], [[]], {}, {"a": ["\0"]},
    ["x"] * 2000,
)  # fmt: skip
_TEXTS = (
    "",
    "\0",
    "a" * 20_000,
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "NaN",
    "null",
    "[]",
    "..",
    "%",
    "💥",
)
_SEGMENTS = (
    "%00",
    "..",
    "%2e%2e%2f",
    "%2F",
    "%ff",
    "%",
    "a" * 5000,
    _UPPER_ID,
    f"urn:uuid:{_UPPER_ID}",
    "null",
    "💥",
)
_BODIES: tuple[tuple[bytes, str | None], ...] = (
    (b"", "application/json"),
    (b"{", "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b'"text"', "application/json"),
    (b"\xff\xfe{}", "application/json"),
    (b"[" * 100_000, "application/json"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "application/json"),
    (b'{"a": "' + b"a" * 1_100_000 + b'"}', "application/json"),
    (b'{"__proto__": {}}', "application/json"),
    (b'{"a": 1e999, "b": -0, "c": NaN}', "application/json"),
    (b"{}", "application/json; charset=utf-16"),
    (b"{}", "text/plain"),
    (b"{}", "application/xml"),
    (b"{}", "x"),
    (b"{}", None),
    (b"a=b", "application/x-www-form-urlencoded"),
    (b"", "multipart/form-data"),
    (b"garbage", "multipart/form-data; boundary=b"),
    (b"--b\r\n\r\n", "multipart/form-data; boundary=b"),
    (b'--b\r\nContent-Disposition: form-data; name="file"; filename="\0../x"\r\n\r\nx\r\n--b--\r\n',
     "multipart/form-data; boundary=b"),
    (b"--b\r\nContent-Disposition: form-data; name=a; filename*=idna'x'%ff\r\n\r\nx\r\n--b--\r\n",
     "multipart/form-data; boundary=b"),
    (b"PK\x03\x04" + b"\0" * 100, "application/zip"),
)  # fmt: skip
_HEADERS: tuple[dict[str, str], ...] = (
    {"Host": "["},
    {"Cookie": "session=%3B; session=x; =;"},
    {"Authorization": "Bearer a.b.c"},
    {"Origin": "null", "Referer": "%"},
    {"X-Request-Id": "<script>", "X-Forwarded-For": ",,1.2.3.4.5"},
    {"Content-Length": "-5"},
    {"Accept-Language": "\x80" * 100, "User-Agent": ""},
    {"Range": "bytes=9-1", "If-Modified-Since": "yesterday"},
)


@dataclass(frozen=True)
class Example:
    """A request, as it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.url[:200]} {dict(self.headers)} {self.content[:200]!r}"


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    parameters: tuple[Mapping[str, Any], ...]
    properties: tuple[str, ...]

    @property
    def takes_a_body(self) -> bool:
        return self.method in ("POST", "PUT", "PATCH", "DELETE")

    def url(self, ids: Iterator[UUID] | None = None, **segments: str) -> str:
        """The URL of something that exists, but for the segments that are given."""
        filled = self.path
        for parameter in self.parameters:
            if parameter["in"] == "path":
                name = parameter["name"]
                filled = filled.replace(f"{{{name}}}", segments.get(name) or str(next(ids) if ids else name))
        return _BASE + filled


@cache
def document() -> dict[str, Any]:
    """Our own OpenAPI document; it needs no service to be made."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        write_openapi(file)
        described: dict[str, Any] = json.loads(file.read_bytes())
        return described


@cache
def _generators() -> dict[tuple[str, str], Any]:
    schema = schemathesis.openapi.from_dict(document())
    return {
        (operation.method.upper(), operation.path): operation
        for operation in (result.ok() for result in schema.get_all_operations())
    }


def operations() -> list[Operation]:
    return [
        Operation(
            method.upper(),
            path,
            tuple(described.get("parameters", ())),
            tuple(_properties(described.get("requestBody", {}))),
        )
        for path, methods in document()["paths"].items()
        for method, described in methods.items()
    ]


def _properties(body: Mapping[str, Any]) -> Iterator[str]:
    for content in body.get("content", {}).values():
        yield from _property_names(content.get("schema", {}))


def _property_names(schema: Mapping[str, Any]) -> Iterator[str]:
    if reference := schema.get("$ref"):
        schema = document()["components"]["schemas"][reference.rpartition("/")[2]]
    yield from schema.get("properties", {})
    for part in itertools.chain.from_iterable(schema.get(kind, ()) for kind in ("anyOf", "oneOf", "allOf")):
        yield from _property_names(part)


def generated_examples(operation: Operation) -> list[Example]:
    """Requests that fit the document, and requests that don't; the same ones each time."""
    found: list[Any] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = _generators()[operation.method, operation.path].as_strategy(generation_mode=mode)

        @seed(1)
        @hypothesis_settings(
            max_examples=_EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(case: Any) -> None:
            found.append(case)

        try:
            collect()
        except Unsatisfiable:
            # Where everything fits, nothing doesn't.
            continue
    return [_example(case) for case in found]


def _example(case: Any) -> Example:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=_BASE)).prepare()
    body = prepared.body or b""
    headers = {name: str(value) for name, value in prepared.headers.items() if name.isascii()}
    headers.pop("Content-Length", None)
    content = body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)
    return Example(str(prepared.method), str(prepared.url), headers, content)


def hostile_examples(operation: Operation, ids: Iterator[UUID]) -> Iterator[Example]:
    """Requests made to break what reads them."""
    yield from (Example(operation.method, operation.url(ids), headers) for headers in _HEADERS)
    for parameter in operation.parameters:
        name = parameter["name"]
        if parameter["in"] == "path":
            for segment in _SEGMENTS:
                yield Example(operation.method, operation.url(ids, **{name: segment}))
        elif parameter["in"] == "query":
            for text in _TEXTS:
                query = requests.models.RequestEncodingMixin._encode_params({name: [text, text]})
                yield Example(operation.method, f"{operation.url(ids)}?{query}")
                yield Example(operation.method, f"{operation.url(ids)}?{query.partition('&')[0]}")
    if operation.takes_a_body:
        for content, content_type in _BODIES:
            headers = {"Content-Type": content_type} if content_type else {}
            yield Example(operation.method, operation.url(ids), headers, content)
        for value in _VALUES if operation.properties else ():
            for names in ([name] for name in operation.properties):
                yield _with_body(operation, ids, dict.fromkeys(names, value))
            yield _with_body(operation, ids, dict.fromkeys(operation.properties, value))


def _with_body(operation: Operation, ids: Iterator[UUID], body: dict[str, Any]) -> Example:
    content = json.dumps(body).encode()
    return Example(operation.method, operation.url(ids), _JSON, content)
