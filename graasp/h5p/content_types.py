"""The kinds of files that packages may have, by extension, and what each is served as."""

from pathlib import PurePosixPath

_OTHER = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"

_CONTENT_TYPES = {
    "bmp": "image/bmp",
    "css": "text/css",
    "csv": "text/csv",
    "diff": "text/plain",
    "doc": "application/msword",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "eof": _OTHER,
    "gif": "image/gif",
    "h5p": _OTHER,
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": f"{_OPEN}.presentation",
    "ods": f"{_OPEN}.spreadsheet",
    "odt": f"{_OPEN}.text",
    "ogg": "audio/ogg",
    "otf": "font/otf",
    "patch": "text/plain",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "swf": "application/x-shockwave-flash",
    "textile": "text/plain",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "wav": "audio/wav",
    "webm": "video/webm",
    "woff": "font/woff",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "xml": "application/xml",
}


def content_type_of(name: str) -> str | None:
    """What a file of a package is served as; nothing for kinds that packages may not have."""
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix.removeprefix(".").lower())
