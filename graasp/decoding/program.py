"""The program that decodes hostile files, in a process of its own.

`python -m graasp.decoding.program KIND SOURCE FOLDER MOST_PIXELS`: KIND is `image`, `pdf` or `video`, for which one
WebP per size is written into FOLDER, or `pdf-text` or one of `HTML`, for which the file `text` is. Exits with 0; with
3 when the file is none of its kind or broken; with 4 when it has more pixels than allowed. Whatever a decoder does
besides, it does to this process alone, which knows no secrets and has bounded memory and time.
"""

import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from graasp.html import sanitize
from graasp.html.heads import read_head
from graasp.html.pages import safe_page

# Widths in pixels; the original keeps its own.
WIDTHS = {"small": 40, "medium": 256, "large": 512}
SIZES = (*WIDTHS, "original")
REFUSED = 3
TOO_MANY_PIXELS = 4
TEXT = "text"

# Parsers of HTML repair it, which takes time that grows with the square of what is nested, and repeats what is not
# closed: a few kilobytes can become gigabytes.
HTML: Mapping[str, Callable[[str], str]] = {
    "html": sanitize,
    "page": safe_page,
    "head": lambda html: orjson.dumps(read_head(html)._asdict()).decode(),
}
# Escaping makes five characters of one.
_MOST_GROWTH = 8

_GIB = 1024**3
# In bytes of memory and seconds of work.
_LIMITS = (3 * _GIB, 50)
_LIMITS_OF_HTML = {"html": (_GIB // 2, 2), "head": (_GIB // 2, 2), "page": (_GIB, 20)}
_LARGEST_OUTPUT_BYTES = 256 * 1024**2
_INDEXED_PAGES = 10
# Ten pages of a newspaper, many times; it is sent along with every list of items.
_MOST_TEXT = 500_000
# WebP knows no larger side.
_LONGEST_SIDE = 16_383
_PDF_PAGE = (768, 512)
_VIDEO_SIDE = 1280
_FRAMES_TRIED = 300
# Playlists and the like would name other files and addresses.
_CONTAINERS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,avi",
}
_LOADERS = ("Jpeg", "Png", "Nsgif", "Webp", "Svg", "Heif", "Tiff")


class Refused(Exception):
    """Not a file of this kind, or a broken one."""


class TooManyPixels(Exception):
    """Larger than was allowed."""


def main(kind: str, source: Path, folder: Path, most_pixels: int) -> int:
    _limit_this_process(*_LIMITS_OF_HTML.get(kind, _LIMITS))
    try:
        match kind:
            case "image":
                _render_image(source, folder, most_pixels)
            case "pdf":
                _render(_pdf_page(source), folder)
            case "video":
                _render(_video_frame(source, most_pixels), folder)
            case "pdf-text":
                (folder / TEXT).write_text(_pdf_text(source), encoding="utf-8")
            case _:
                (folder / TEXT).write_bytes(parse_html(kind, source.read_bytes().decode()).encode())
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    except TooManyPixels as refusal:
        sys.stderr.write(f"{refusal} pixels\n")
        return TOO_MANY_PIXELS
    return 0


def parse_html(kind: str, html: str) -> str:
    """What a parser makes of HTML. Raises Refused when it makes much more of it than there was."""
    parsed = HTML[kind](html)
    if len(parsed) > _MOST_GROWTH * max(len(html), 100):
        raise Refused("it grows too much")
    return parsed


def _limit_this_process(memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_OUTPUT_BYTES, _LARGEST_OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _render_image(source: Path, folder: Path, most_pixels: int) -> None:
    """Each size straight from the file: decoders shrink while they read."""
    import pyvips

    loader = pyvips.vips_lib.vips_foreign_find_load(str(source).encode())
    name = pyvips.ffi.string(loader).decode() if loader != pyvips.ffi.NULL else ""
    if not name.startswith(tuple(f"VipsForeignLoad{known}" for known in _LOADERS)):
        raise Refused("not an image of a known format")
    try:
        # Neither turned by its EXIF data nor animated: the first frame as it is stored.
        image = pyvips.Image.new_from_file(str(source), access="sequential", fail_on="error")
        if image.width * image.height > most_pixels:
            raise TooManyPixels(f"{image.width} x {image.height}")
        for size, width in WIDTHS.items():
            _save(_shrunk(str(source), width), folder / size)
        if max(image.width, image.height) > _LONGEST_SIDE:
            image = _shrunk(str(source), _LONGEST_SIDE)
        _save(image, folder / "original")
    except pyvips.Error as error:
        raise Refused(str(error)) from error


def _shrunk(source: str, width: int) -> Any:
    import pyvips

    return pyvips.Image.thumbnail(
        source, width, height=_LONGEST_SIDE, size="both", no_rotate=True, fail_on="error"
    )


def _render(picture: Any, folder: Path) -> None:
    """Every size from a picture in memory."""
    import pyvips

    try:
        for size, width in WIDTHS.items():
            _save(picture.thumbnail_image(width, height=_LONGEST_SIDE, size="both"), folder / size)
        _save(picture, folder / "original")
    except pyvips.Error as error:
        raise Refused(str(error)) from error


def _save(image: Any, target: Path) -> None:
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    image.webpsave(str(target), Q=80, effort=2, keep="none")


def _pdf_page(source: Path) -> Any:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
        page = document[0]
        scale = min(_PDF_PAGE[0] / page.get_width(), _PDF_PAGE[1] / page.get_height())
        # Never smaller than what it is stretched to, in neither direction.
        scale = max(
            scale, min(max(_PDF_PAGE[0] / page.get_width(), _PDF_PAGE[1] / page.get_height()), 4 * scale)
        )
        bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=True)
    except (pypdfium2.PdfiumError, IndexError, ZeroDivisionError, ValueError) as error:
        raise Refused(str(error)) from error
    picture = _from_rows(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels)
    return picture.resize(_PDF_PAGE[0] / picture.width, vscale=_PDF_PAGE[1] / picture.height)


def _pdf_text(source: Path) -> str:
    """The text of the first pages, in one line."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
        pages = [document[number] for number in range(min(len(document), _INDEXED_PAGES))]
        lines = [page.get_textpage().get_text_bounded() for page in pages]
    except pypdfium2.PdfiumError as error:
        raise Refused(str(error)) from error
    return " ".join(" ".join(lines).replace("\0", " ").split())[:_MOST_TEXT]


def _video_frame(source: Path, most_pixels: int) -> Any:
    """A frame a little into the video: the very first one is often black."""
    import av

    try:
        with av.open(str(source), options=_CONTAINERS) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise Refused("no pictures in it")
            stream.thread_type = "NONE"
            if container.duration:
                container.seek(min(container.duration // 10, 10 * av.time_base))
            for number, packet in enumerate(container.demux(stream)):
                for frame in packet.decode():
                    return _picture_of(frame, most_pixels)
                if number > _FRAMES_TRIED:
                    break
    except av.FFmpegError as error:
        raise Refused(str(error)) from error
    raise Refused("no picture at its start")


def _picture_of(frame: Any, most_pixels: int) -> Any:
    if frame.width * frame.height > most_pixels:
        raise TooManyPixels(f"{frame.width} x {frame.height}")
    scale = min(1, _VIDEO_SIDE / max(frame.width, frame.height))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    plane = frame.reformat(width=width, height=height, format="rgb24").planes[0]
    return _from_rows(bytes(plane), width, height, plane.line_size, 3)


def _from_rows(data: bytes, width: int, height: int, stride: int, channels: int) -> Any:
    """A picture of rows that may be padded; the fourth channel is no transparency."""
    import pyvips

    rows = pyvips.Image.new_from_memory(data, stride, height, 1, "uchar")
    packed = rows.crop(0, 0, width * channels, height).write_to_memory()
    picture = pyvips.Image.new_from_memory(packed, width, height, channels, "uchar")
    return picture.extract_band(0, n=3).copy(interpretation="srgb")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
