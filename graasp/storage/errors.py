"""What clients are told about storage."""

from typing import ClassVar
from uuid import UUID

from graasp.http.errors import DomainError, FormattedError


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


class UploadFileUnexpectedError(FormattedError):
    code: ClassVar[str] = "GPFERR010"
    status = 500
    message = "UPLOAD_FILE_UNEXPECTED_ERROR"

    def __init__(self, account_id: UUID) -> None:
        super().__init__(f"{{ memberId: '{account_id}' }}")


class DownloadFileUnexpectedError(DomainError):
    code = "GPFERR011"
    status = 500
    message = "DOWNLOAD_FILE_UNEXPECTED_ERROR"
    origin = "graasp-plugin-file"
