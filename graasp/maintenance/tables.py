"""Announced maintenances."""

from sqlalchemy import Column, PrimaryKeyConstraint, String, Table
from sqlalchemy.dialects.postgresql import TIMESTAMP

from graasp.db.metadata import metadata

maintenance = Table(
    "maintenance",
    metadata,
    Column("slug", String(100), nullable=False),
    Column("start_at", TIMESTAMP(timezone=True), nullable=False),
    Column("end_at", TIMESTAMP(timezone=True), nullable=False),
    PrimaryKeyConstraint("slug", name="UQ_maintenance_slug"),
)
