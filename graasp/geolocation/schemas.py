"""Geolocations on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from graasp.http.fields import AnyText, Number
from graasp.items.schemas import PackedItem, camel

Label = Annotated[AnyText, Field(max_length=300)]


class NewPlace(BaseModel):
    model_config = camel

    lat: Number
    lng: Number
    address_label: Label | None = None
    helper_label: Label | None = None


class PlaceChange(BaseModel):
    geolocation: NewPlace


class Geolocation(BaseModel):
    model_config = camel

    id: UUID
    lat: float
    lng: float
    country: str | None
    address_label: str | None
    helper_label: str | None
    created_at: datetime
    updated_at: datetime
    item: PackedItem


class Address(BaseModel):
    model_config = camel

    address_label: str
    country: str


class FoundPlace(BaseModel):
    model_config = camel

    id: str
    lat: float
    lng: float
    country: str | None
    address_label: str | None
