"""The answer of `/api/status`."""

from typing import Literal

from pydantic import BaseModel


class PartStatus(BaseModel):
    status: Literal["healthy", "not-healthy", "not-reachable", "unexpected"]
    isHealthy: str
    message: str


class Status(BaseModel):
    api: PartStatus
    database: PartStatus
    meilisearch: PartStatus
    etherpad: PartStatus
    iframely: PartStatus
