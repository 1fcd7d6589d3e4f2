"""Where items are: one position each, which holds for what lies below as well."""

from graasp.geolocation import queries
from graasp.geolocation.countries import country_of
from graasp.geolocation.errors import PartialGeolocation
from graasp.platform import UnitOfWork


async def put_place(
    uow: UnitOfWork,
    path: str,
    lat: float | None,
    lng: float | None,
    *,
    address_label: str | None = None,
    helper_label: str | None = None,
) -> None:
    """Give the item at `path` a position, or another one; labels that are not given stay. Raises PartialGeolocation."""
    if lat is None or lng is None:
        raise PartialGeolocation({"lat": lat, "lng": lng})
    await uow.execute(
        queries.UPSERT,
        path=path,
        lat=lat,
        lng=lng,
        country=country_of(lat, lng),
        address_label=address_label,
        helper_label=helper_label,
    )
