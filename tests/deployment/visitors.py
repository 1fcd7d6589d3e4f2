"""Those who knock at the door."""

import asyncio
from urllib.parse import urlsplit

SECRET = {"X-Maintenance-Test": "let-me*in?"}


class HeldRequest:
    """A request whose body never comes to its end by itself."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def begin(cls, url: str, path: str, headers: dict[str, str]) -> "HeldRequest":
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        lines = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": "2"} | headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n{{".encode())
        await writer.drain()
        return cls(writer, reader)

    async def end(self) -> bytes:
        """The first line of the answer."""
        self._writer.write(b"}")
        line = await self._reader.readline()
        self._writer.close()
        return line
