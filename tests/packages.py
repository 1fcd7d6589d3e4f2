"""H5P packages made for tests."""

import json
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

MANIFEST: dict[str, Any] = {
    "title": "Course",
    "language": "en",
    "mainLibrary": "H5P.Hello",
    "embedTypes": ["iframe"],
    "preloadedDependencies": [{"machineName": "H5P.Hello", "majorVersion": 1, "minorVersion": 0}],
}
LIBRARY = {
    "title": "Hello",
    "machineName": "H5P.Hello",
    "majorVersion": 1,
    "minorVersion": 0,
    "patchVersion": 0,
    "runnable": 1,
    "preloadedJs": [{"path": "hello.js"}],
}
SCRIPT = """H5P.Hello = function (params) {
  this.attach = function (container) { container.text(params.greeting).css("height", "321px"); };
};
"""
FILES: dict[str, bytes] = {
    "content/content.json": b'{"greeting": "Hello from a package"}',
    "content/images/picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "H5P.Hello-1.0/library.json": json.dumps(LIBRARY).encode(),
    "H5P.Hello-1.0/hello.js": SCRIPT.encode(),
}


def _dated(name: str) -> ZipInfo:
    """The same package is the same bytes whenever it is made."""
    return ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))


def package(*, manifest: Any = MANIFEST, files: dict[str | ZipInfo, bytes] | None = None) -> bytes:
    """A playable package; `manifest` is written as JSON unless it is bytes, `files` come beside the usual ones."""
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        if manifest is not None:
            written_as = manifest if isinstance(manifest, bytes) else json.dumps(manifest)
            archive.writestr(_dated("h5p.json"), written_as, ZIP_DEFLATED)
        for name, content in {**FILES, **(files or {})}.items():
            archive.writestr(_dated(name) if isinstance(name, str) else name, content, ZIP_DEFLATED)
    return written.getvalue()
