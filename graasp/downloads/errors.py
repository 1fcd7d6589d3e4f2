"""Errors of mailed downloads."""

from graasp.http.errors import DomainError


class DownloadNotFound(DomainError):
    """Unknown, expired, or of somebody who may not have it any more."""

    code = "GERR404"
    status = 404
    message = "DOWNLOAD_NOT_FOUND"
