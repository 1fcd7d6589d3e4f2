"""Forms with files, as they arrive."""

import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from graasp.http.error_answers import install_error_handlers
from graasp.http.uploads import Form, received_file

BOUNDARY = "b0undary"
MIB = 1024 * 1024


@pytest.fixture
async def forms() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/one")
    async def one(request: Request) -> dict[str, object]:
        async with received_file(request, max_bytes=3 * MIB) as (file, fields):
            told = None
            if file:
                told = [file.name, file.content_type, file.size, len(file.file.read())]
            return {"file": told, "fields": fields}

    @app.post("/all")
    async def every(request: Request) -> list[object]:
        found: list[object] = []
        async for part in Form(request).parts():
            # Every second part is left unread.
            size = sum([len(c) async for c in part.chunks()]) if len(found) % 2 == 0 else "unread"
            found.append([part.field, part.file_name if part.is_file else None, size])
        return found

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def part(disposition: str, content: bytes = b"x", content_type: str | None = None) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
    if content_type:
        head += f"Content-Type: {content_type}\r\n".encode()
    return head + b"\r\n" + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def post(client: httpx.AsyncClient, path: str, body: bytes, step: int | None = None) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step or len(body) or 1):
            yield body[start : start + (step or len(body))]

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await client.post(path, content=pieces(), headers=headers)


async def test_the_first_file_and_the_fields_whatever_their_order(forms: httpx.AsyncClient) -> None:
    body = (
        part('name="before"', "é".encode())
        + part('name="any"; filename="photo.PNG"', b"12345", "Image/PNG; charset=x")
        + part('name="after"', b"2")
        + part('name="any"; filename="second.png"', b"more", "image/png")
        + part('name="before"', b"twice")
        + END
    )
    for step in (None, 1, 7):
        answer = await post(forms, "/one", body, step)
        assert answer.json() == {
            "file": ["photo.PNG", "image/png", 5, 5],
            "fields": {"before": "é", "after": "2"},
        }


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="a.txt"', "a.txt"),
        ('filename="../../etc/passwd"', "passwd"),
        (r'filename="C:\\Users\\x\\a b.txt"', "a b.txt"),
        ('filename="/"', "file"),
        ('filename=".."', "file"),
        ('filename=""', "file"),
        ('filename="schön 😀.txt"', "schön 😀.txt"),
        ("filename*=UTF-8''na%C3%AFve%20name.txt", "naïve name.txt"),
        ("filename=\"plain.txt\"; filename*=UTF-8''..%2Fna%C3%AFve.txt", "naïve.txt"),
        ("filename*=unknown-9''x%41.txt", "xA.txt"),
        ("filename*=idna'x'%ff", "\ufffd"),
        ("filename*=ISO-8859-1''%E9.txt", "é.txt"),
        ('filename="a\0b.txt"', "ab.txt"),
        ('filename="semi;colon.txt"', "semi;colon.txt"),
        ('filename="' + "n" * 600 + '.txt"', "n" * 600 + ".txt"),
    ],
)
async def test_file_names_are_bare(forms: httpx.AsyncClient, disposition: str, name: str) -> None:
    answer = await post(forms, "/one", part(f'name="f"; {disposition}') + END)
    assert answer.json()["file"][0] == name


async def test_parts_that_nobody_reads_are_dropped(forms: httpx.AsyncClient) -> None:
    body = b"".join(part(f'name="{n}"; filename="{n}"', b"y" * n * 100_000) for n in range(5)) + END
    answer = await post(forms, "/all", body, 65_536)
    assert answer.json() == [
        ["0", "0", 0],
        ["1", "1", "unread"],
        ["2", "2", 200_000],
        ["3", "3", "unread"],
        ["4", "4", 400_000],
    ]


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        (None, 406, "FST_INVALID_MULTIPART_CONTENT_TYPE"),
        ("application/json", 406, "FST_INVALID_MULTIPART_CONTENT_TYPE"),
        ("text/plain; charset=utf-8", 406, "FST_INVALID_MULTIPART_CONTENT_TYPE"),
        ("application/xml", 415, "FST_ERR_CTP_INVALID_MEDIA_TYPE"),
        ("multipart/form-data", 400, "FST_ERR_VALIDATION"),
        ("multipart/form-data; boundary=" + "b" * 300, 400, "FST_ERR_VALIDATION"),
    ],
)
async def test_what_is_no_form(
    forms: httpx.AsyncClient, content_type: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await forms.post("/one", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"",
        part('name="f"; filename="cut"', b"begun")[:-2],
        f"--{BOUNDARY}\r\nContent-Disposition".encode(),
        part('name="f"; filename="x"'),
        f"--{BOUNDARY}\r\n".encode() + b"H: v\r\n" * 5000 + b"\r\nx\r\n" + END,
    ],
)
async def test_a_broken_form_is_told(forms: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(forms, "/one", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "FST_ERR_VALIDATION")


async def test_a_form_without_anything_has_no_file(forms: httpx.AsyncClient) -> None:
    answer = await post(forms, "/one", END)
    assert answer.json() == {"file": None, "fields": {}}


async def test_a_file_is_refused_as_soon_as_it_is_too_large(forms: httpx.AsyncClient) -> None:
    exact = await post(forms, "/one", part('name="f"; filename="x"', b"x" * 3 * MIB) + END, 65_536)
    assert exact.json()["file"][2] == 3 * MIB
    answer = await post(forms, "/one", part('name="f"; filename="x"', b"x" * (3 * MIB + 1)) + END, 65_536)
    assert (answer.status_code, answer.json()["code"]) == (413, "FST_REQ_FILE_TOO_LARGE")


async def test_fields_can_not_fill_the_memory(forms: httpx.AsyncClient) -> None:
    fields = b"".join(part(f'name="f{n}"', b"x" * 300_000) for n in range(5)) + END
    answer = await post(forms, "/one", fields, 65_536)
    assert (answer.status_code, answer.json()["code"]) == (413, "FST_ERR_CTP_BODY_TOO_LARGE")
    many = b"".join(part(f'name="f{n}"', b"") for n in range(1001)) + END
    assert (await post(forms, "/one", many, 65_536)).status_code == 400


async def test_a_large_file_is_never_held_as_a_whole(forms: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield part('name="f"; filename="x"', b"")[:-2]
        for _ in range(64 * 16):
            yield b"z" * 65_536
        yield b"\r\n" + END

    tracemalloc.start()
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = await forms.post("/all", content=pieces(), headers=headers)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json() == [["f", "x", 64 * MIB]]
    assert peak < 8 * MIB
