"""Errors of files."""

from graasp.http.errors import DomainError, FormattedError


class InvalidDownloadParameters(DomainError):
    code = "GPFERR005"
    status = 400
    message = "INVALID_DOWNLOAD_PARAMETERS"
    origin = "graasp-plugin-file"


class LocalFileNotFound(DomainError):
    code = "GPFERR006"
    status = 404
    message = "LOCAL_FILE_NOT_FOUND"
    origin = "graasp-plugin-file"


class S3FileNotFound(DomainError):
    code = "GPFERR007"
    status = 404
    message = "S3_FILE_NOT_FOUND"
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


class UploadFileUnexpectedError(FormattedError):
    code = "GPFERR010"
    status = 500
    message = "UPLOAD_FILE_UNEXPECTED_ERROR"


class DownloadFileUnexpectedError(DomainError):
    code = "GPFERR011"
    status = 500
    message = "DOWNLOAD_FILE_UNEXPECTED_ERROR"
    origin = "graasp-plugin-file"
