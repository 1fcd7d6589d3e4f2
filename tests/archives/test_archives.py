"""Archives written as streams."""

import io
import random
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from graasp.archives import Entry, no_content, zip_stream

MOMENT = datetime(2024, 2, 29, 13, 30, tzinfo=UTC)


class Source:
    """Entries that know whether they were closed."""

    def __init__(self, *contents: bytes, fails: bool = False) -> None:
        self.contents = contents
        self.fails = fails
        self.closed: list[str] = []

    async def entries(self) -> AsyncIterator[Entry]:
        try:
            for number, content in enumerate(self.contents):
                yield Entry(f"{number}.txt", MOMENT, self._chunks(content))
        finally:
            self.closed.append("entries")

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        try:
            yield content
            if self.fails:
                raise ValueError("the source broke")
            yield content
        finally:
            self.closed.append("content")


async def _written(entries: AsyncIterator[Entry]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join([chunk async for chunk in zip_stream(entries)])))


async def test_files_and_empty_folders() -> None:
    async def entries() -> AsyncIterator[Entry]:
        async def content() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        yield Entry("F/é.txt", MOMENT, content())
        yield Entry("F/E/", MOMENT, no_content())

    with await _written(entries()) as archive:
        assert archive.testzip() is None
        assert {entry.filename: entry.is_dir() for entry in archive.infolist()} == {
            "F/é.txt": False,
            "F/E/": True,
        }
        assert archive.read("F/é.txt") == b"ab"
        assert archive.getinfo("F/é.txt").date_time == (2024, 2, 29, 13, 30, 0)
        assert archive.getinfo("F/é.txt").external_attr >> 16 == 0o100644


@pytest.mark.parametrize("year", [1, 1969, 1979, 2100, 9999])
async def test_dates_the_format_can_not_say_are_brought_near(year: int) -> None:
    async def entries() -> AsyncIterator[Entry]:
        yield Entry("x", datetime(year, 1, 1, tzinfo=UTC), no_content())

    with await _written(entries()) as archive:
        assert archive.testzip() is None
        assert archive.infolist()[0].date_time[0] in (1980, 2037)


async def test_an_archive_that_is_abandoned_closes_what_it_was_reading() -> None:
    source = Source(random.Random(0).randbytes(2_000_000), b"y")
    archive = zip_stream(source.entries())
    # The header of the first entry, and some of its content.
    for _ in range(2):
        await anext(archive)
    assert source.closed == []
    await archive.aclose()
    assert sorted(source.closed) == ["content", "entries"]


async def test_a_source_that_breaks_breaks_the_archive() -> None:
    source = Source(b"x", b"y", fails=True)
    with pytest.raises(ValueError, match="the source broke"):
        await _written(source.entries())
    assert sorted(source.closed) == ["content", "entries"]
