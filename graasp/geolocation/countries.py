"""The country of a position, without asking anybody: time zones follow borders, and each belongs to one country."""

from functools import cache
from importlib.resources import files


def country_of(lat: float, lng: float) -> str | None:
    """ISO 3166-1 alpha-2 in capitals; nothing outside all countries."""
    # Imported late: its map of the world takes a moment and 35 MB.
    import tzfpy

    if not -90 <= lat <= 90:
        return None
    return _countries_of_zones().get(tzfpy.get_tz((lng + 180) % 360 - 180, lat))


@cache
def _countries_of_zones() -> dict[str, str]:
    lines = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {row[2]: row[0] for row in rows}
