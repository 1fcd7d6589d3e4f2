"""Errors of files."""

from graasp.http.errors import DomainError, FormattedError


class InvalidDownloadParameters(DomainError):
    code = "GPFERR005"
    status = 400
    message = "INVALID_DOWNLOAD_PARAMETERS"
    origin = "graasp-plugin-file"


class UploadEmptyFile(FormattedError):
    code = "GPFERR008"
    status = 400
    message = "UPLOAD_EMPTY_FILE"


class StorageExceeded(FormattedError):
    """The argument is the total in bytes that it would come to."""

    code = "GPFERR009"
    status = 507
    message = "STORAGE_EXCEEDED"
