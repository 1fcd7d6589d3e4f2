"""Pictures, documents and videos that tests upload."""

import io
from pathlib import Path

import av
import pypdf
import pyvips
from av.video.frame import VideoFrame


def picture(width: int = 300, height: int = 200, suffix: str = ".png") -> bytes:
    """A red picture in the format of the suffix."""
    black = pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb")
    red = black.linear(1, [200, 10, 10])
    encoded: bytes = red.cast("uchar").write_to_buffer(suffix)
    return encoded


def svg(attributes: str = 'width="20" height="10"', content: str = "") -> bytes:
    drawn = '<rect width="20" height="10" fill="red"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{drawn}{content}</svg>'.encode()


def pdf(pages: int = 1, *, width: float = 595, height: float = 842) -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width, height)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def video(folder: Path, *, width: int = 64, height: int = 48) -> bytes:
    """Two seconds of grey."""
    path = folder / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(20):
            frame = VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def size_of(encoded: bytes) -> tuple[int, int]:
    image = pyvips.Image.new_from_buffer(encoded, "")
    return image.width, image.height
