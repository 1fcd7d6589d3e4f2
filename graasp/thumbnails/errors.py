"""Errors of thumbnails."""

from graasp.http.errors import FormattedError


class FileIsNotImage(FormattedError):
    code = "GPTERR001"
    status = 400
    message = "FILE_IS_NOT_IMAGE"
