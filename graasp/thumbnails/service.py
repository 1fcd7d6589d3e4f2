"""Thumbnails of anything: four WebP pictures below one key prefix, `thumbnails/<item id>` or `avatars/<member id>`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import UUID

from graasp.cache.url_cache import UrlCache
from graasp.decoding.process import CannotDecode, Decoder, PictureKind
from graasp.storage import FileStorage
from graasp.storage.errors import UploadFileUnexpectedError
from graasp.thumbnails.errors import FileIsNotImage

Size = Literal["small", "medium", "large", "original"]
SIZES: tuple[Size, ...] = ("small", "medium", "large", "original")

# The uploads that get thumbnails of themselves, by their exact content type.
_IMAGES = frozenset(
    ("image/jpg", "image/jpeg", "image/png", "image/gif", "image/svg+xml", "image/webp"),
)
_VIDEOS = frozenset(("video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/x-matroska"))

_PIECE = 256 * 1024


class Thumbnails:
    """Renders, stores, links and removes thumbnails."""

    def __init__(self, storage: FileStorage, urls: UrlCache, decoder: Decoder) -> None:
        self._storage = storage
        self._urls = urls
        self._decoder = decoder

    async def store(
        self, file: BinaryIO, prefix: str, *, account_id: UUID, kind: PictureKind = "image"
    ) -> None:
        """Render a received file to every size and store them as `<prefix>/<size>`; all of them, or none.

        Raises FileIsNotImage for what can't be decoded (broken, no image, too many pixels),
        UploadFileUnexpectedError when storage fails.
        """
        try:
            async with self._decoder.pictures(kind, file) as pictures:
                await self.keep(pictures, prefix, account_id=account_id)
        except CannotDecode:
            raise FileIsNotImage from None

    async def keep(self, pictures: Mapping[str, Path], prefix: str, *, account_id: UUID) -> None:
        """Store what the decoder has made of a file. Raises UploadFileUnexpectedError."""
        try:
            for size in SIZES:
                await self._storage.put(
                    f"{prefix}/{size}",
                    _chunks(pictures[size]),
                    content_type="image/webp",
                    metadata={"member": str(account_id)},
                )
        except BaseException as error:
            with suppress(Exception):
                await asyncio.shield(self.remove(prefix))
            if isinstance(error, Exception):
                raise UploadFileUnexpectedError(account_id) from error
            raise
        await self._urls.forget(*thumbnail_keys(prefix))

    async def remove(self, *prefixes: str) -> None:
        """Delete every size below these prefixes; those that are not there are no error."""
        keys = [key for prefix in prefixes for key in thumbnail_keys(prefix)]
        if keys:
            await self._storage.delete(*keys)
            await self._urls.forget(*keys)

    async def url(self, prefix: str, size: Size) -> str:
        """A link to one size. Raises LocalFileNotFound or S3FileNotFound when it is not there."""
        return await self._urls.existing(f"{prefix}/{size}")


def kind_of(content_type: str) -> PictureKind | None:
    """What an uploaded file is rendered as; nothing for those that get no thumbnails."""
    if content_type in _IMAGES:
        return "image"
    if content_type == "application/pdf":
        return "pdf"
    return "video" if content_type in _VIDEOS else None


def thumbnail_keys(prefix: str) -> Sequence[str]:
    """The keys of all sizes."""
    return [f"{prefix}/{size}" for size in SIZES]


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _PIECE):
            yield chunk
