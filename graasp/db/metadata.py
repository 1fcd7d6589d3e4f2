"""The one MetaData every table belongs to; views live in their own, since they are never created from here."""

from sqlalchemy import MetaData

metadata = MetaData()
views = MetaData()
