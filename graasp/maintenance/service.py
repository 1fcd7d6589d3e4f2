"""When a maintenance that is under way will be over."""

from datetime import datetime

from graasp.db.database import Reader
from graasp.maintenance import queries


async def planned_end(reads: Reader) -> datetime | None:
    """The announced end of the maintenance that has begun; None when none was announced."""
    end: datetime | None = await reads.scalar(queries.CURRENT_END)
    return end
