"""Thumbnails: which sizes, of which files, and that hostile files harm nobody."""

import io
import struct
import zlib
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pyvips

from graasp.platform import Platform
from graasp.storage.errors import LocalFileNotFound
from graasp.thumbnails.errors import FileIsNotImage
from graasp.thumbnails.service import SIZES, kind_of
from tests.pictures import pdf, picture, size_of, svg, video

ACCOUNT = UUID(int=1)


async def _stored(platform: Platform, prefix: str) -> dict[str, bytes]:
    keys = [key async for key in platform.storage.list(prefix)]
    return {
        key.rpartition("/")[2]: b"".join([chunk async for chunk in platform.storage.open(key)])
        for key in keys
    }


async def _sizes(platform: Platform, prefix: str) -> dict[str, tuple[int, int]]:
    return {name: size_of(encoded) for name, encoded in (await _stored(platform, prefix)).items()}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".tif", ".avif"])
async def test_every_size_is_a_webp_of_its_width(platform: Platform, suffix: str) -> None:
    prefix = f"avatars/{uuid4()}"
    await platform.thumbnails.store(io.BytesIO(picture(600, 300, suffix)), prefix, account_id=ACCOUNT)
    assert await _sizes(platform, prefix) == {
        "small": (40, 20),
        "medium": (256, 128),
        "large": (512, 256),
        "original": (600, 300),
    }
    assert all(data[8:12] == b"WEBP" for data in (await _stored(platform, prefix)).values())
    url = await platform.thumbnails.url(prefix, "small")
    assert f"{prefix}/small" in url


async def test_small_pictures_are_enlarged_and_drawings_have_their_own_size(platform: Platform) -> None:
    await platform.thumbnails.store(io.BytesIO(picture(4, 2)), "thumbnails/a", account_id=ACCOUNT)
    assert (await _sizes(platform, "thumbnails/a"))["large"] == (512, 256)
    await platform.thumbnails.store(io.BytesIO(svg()), "thumbnails/b", account_id=ACCOUNT)
    assert await _sizes(platform, "thumbnails/b") == {
        "small": (40, 20),
        "medium": (256, 128),
        "large": (512, 256),
        "original": (20, 10),
    }


async def test_only_the_first_frame_counts_and_no_turning(platform: Platform) -> None:
    frames = pyvips.Image.black(60, 120, bands=3).copy(interpretation="srgb").copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", 40)
    await platform.thumbnails.store(
        io.BytesIO(frames.write_to_buffer(".gif")), "thumbnails/a", account_id=ACCOUNT
    )
    assert (await _sizes(platform, "thumbnails/a"))["original"] == (60, 40)
    turned = pyvips.Image.black(60, 40, bands=3).copy(interpretation="srgb").copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    await platform.thumbnails.store(
        io.BytesIO(turned.write_to_buffer(".jpg")), "thumbnails/b", account_id=ACCOUNT
    )
    sizes = await _sizes(platform, "thumbnails/b")
    assert (sizes["original"], sizes["small"]) == ((60, 40), (40, 27))


async def test_the_first_page_of_a_document_and_a_frame_of_a_video(
    platform: Platform, tmp_path: Path
) -> None:
    await platform.thumbnails.store(io.BytesIO(pdf(2)), "thumbnails/a", account_id=ACCOUNT, kind="pdf")
    assert (await _sizes(platform, "thumbnails/a"))["original"] == (768, 512)
    film = io.BytesIO(video(tmp_path))
    await platform.thumbnails.store(film, "thumbnails/b", account_id=ACCOUNT, kind="video")
    assert await _sizes(platform, "thumbnails/b") == {
        "small": (40, 30),
        "medium": (256, 192),
        "large": (512, 384),
        "original": (64, 48),
    }


def _bomb() -> bytes:
    """A small PNG of 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


HOSTILE = {
    "nothing": ("image", b""),
    "text": ("image", b"not a picture"),
    "a broken picture": ("image", b"\x89PNG\r\n\x1a\n" + b"x" * 1000),
    "half a picture": ("image", picture(600, 400, ".jpg")[:1500]),
    "a decompression bomb": ("image", _bomb()),
    "a drawing as large as a country": ("image", svg('width="900000" height="900000"')),
    "a document as picture": ("image", pdf()),
    "a broken document": ("pdf", b"%PDF-1.4 nothing more"),
    "a document without pages": ("pdf", pdf(0)),
    "a playlist of local files": ("video", b"ffconcat version 1.0\nfile /etc/passwd\n"),
    "a playlist of addresses": ("video", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n"),
    "no video": ("video", b"\0\0\0\x18ftypmp42" + b"\0" * 500),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_can_not_be_decoded_is_refused_and_leaves_nothing(platform: Platform, name: str) -> None:
    kind, content = HOSTILE[name]
    with pytest.raises(FileIsNotImage):
        await platform.thumbnails.store(
            io.BytesIO(content),
            "thumbnails/x",
            account_id=ACCOUNT,
            kind=kind,  # type: ignore[arg-type]
        )
    assert await _stored(platform, "thumbnails/x") == {}


async def test_a_drawing_reaches_neither_files_nor_addresses(platform: Platform, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(20, 10))
    plain, reaching = (
        svg('width="40" height="10"'),
        svg('width="40" height="10"', f'<image x="20" href="{secret.as_uri()}" width="20" height="10"/>'),
    )
    for name, drawing in (("plain", plain), ("reaching", reaching)):
        await platform.thumbnails.store(io.BytesIO(drawing), f"thumbnails/{name}", account_id=ACCOUNT)
    assert await _stored(platform, "thumbnails/plain") == await _stored(platform, "thumbnails/reaching")


async def test_removing_is_complete_and_may_be_repeated(platform: Platform) -> None:
    await platform.thumbnails.store(io.BytesIO(picture()), "thumbnails/a", account_id=ACCOUNT)
    assert set(await _stored(platform, "thumbnails/a")) == set(SIZES)
    assert await platform.thumbnails.url("thumbnails/a", "large")
    for _ in range(2):
        await platform.thumbnails.remove("thumbnails/a", "thumbnails/never-there")
    with pytest.raises(LocalFileNotFound):
        await platform.thumbnails.url("thumbnails/a", "large")


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/svg+xml", "image"),
        ("image/jpg", "image"),
        ("application/pdf", "pdf"),
        ("video/mp4", "video"),
        ("image/tiff", None),
        ("text/plain", None),
    ],
)
def test_which_uploads_get_thumbnails(content_type: str, kind: str | None) -> None:
    assert kind_of(content_type) == kind
