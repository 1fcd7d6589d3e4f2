"""Countries of positions, worked out on this machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.geolocation.countries import country_of


@pytest.mark.parametrize(
    ("lat", "lng", "country"),
    [
        (46.52, 6.63, "CH"),
        (48.8566, 2.3522, "FR"),
        (52.52, 13.405, "DE"),
        (40.7128, -74.006, "US"),
        (-33.8688, 151.2093, "AU"),
        (35.6762, 139.6503, "JP"),
        (28.6139, 77.209, "IN"),
        (-1.2921, 36.8219, "KE"),
        (47.6973, 8.6920, "DE"),
        (41.9029, 12.4534, "VA"),
        (0.0, 32.58, "UG"),
        # East of the date line and round the world again.
        (46.52, 366.63, "CH"),
        (0, 0, None),
        (30, -30, None),
        (91, 0, None),
    ],
)
def test_the_country_of_a_place(lat: float, lng: float, country: str | None) -> None:
    assert country_of(lat, lng) == country


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_no_position_is_an_error(lat: float, lng: float) -> None:
    country = country_of(lat, lng)
    assert country is None or (len(country) == 2 and country.isupper())
