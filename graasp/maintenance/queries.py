"""Statements on announced maintenances."""

from sqlalchemy import func, select

from graasp.maintenance.tables import maintenance

NEXT = (
    select(maintenance.c.slug, maintenance.c.start_at, maintenance.c.end_at)
    .where(maintenance.c.start_at >= func.now())
    .order_by(maintenance.c.start_at)
    .limit(1)
)

# Of several at once, the one that ends last.
CURRENT_END = select(func.max(maintenance.c.end_at)).where(
    maintenance.c.start_at <= func.now(), maintenance.c.end_at > func.now()
)
