"""Errors of geolocations."""

from graasp.http.errors import DomainError


class GeolocationNotFound(DomainError):
    code = "GIGEOERR001"
    status = 404
    message = "Geolocation not found"
    origin = "graasp-plugin-item-geolocation"


class PartialGeolocation(DomainError):
    code = "GIGEOERR002"
    status = 400
    message = "Geolocation should have both lat and lng"
    origin = "graasp-plugin-item-geolocation"


class MissingGeolocationApiKey(DomainError):
    code = "GIGEOERR004"
    status = 503
    message = "Geolocation API key is not defined"
    origin = "graasp-plugin-item-geolocation"
    reason = "GEOLOCATION_API_HOST and GEOLOCATION_API_KEY are not set"
