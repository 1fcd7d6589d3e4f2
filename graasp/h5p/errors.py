"""Errors of H5P packages."""

from graasp.http.errors import DomainError


class InvalidPackage(DomainError):
    """No package was sent, or what was sent is none; the data, when there is some, is the reason."""

    code = "GPH5PERR001"
    status = 400
    message = "File is not a valid H5P package"
    origin = "graasp-plugin-html"


class InvalidManifest(DomainError):
    """The data is the reason."""

    code = "GPH5PERR002"
    status = 400
    message = "Invalid h5p.json manifest file"
    origin = "graasp-plugin-html"


class PackageImportFailed(DomainError):
    code = "GPHTMLERR003"
    status = 500
    message = "Unexpected server error while importing Html"
    origin = "graasp-plugin-html"
