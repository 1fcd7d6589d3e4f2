"""What foreign keys do when rows are deleted, as a statement of its own: for rows that have to stay a little longer."""

from collections.abc import Mapping

from sqlalchemy import MetaData, Table, TextClause, text


def dependents_deleted(metadata: MetaData, table: str, keys: Mapping[str, str]) -> TextClause:
    """Delete all that would be deleted with rows of `table`.

    `keys` gives for each column that is referred to the array of its values in those rows.
    """
    steps = [
        f"step_{number} as (delete from {dependent.name} where {condition})"
        for number, dependent in enumerate(metadata.sorted_tables)
        if (condition := _refers(dependent, table, keys))
    ]
    return text(f"with {', '.join(steps)} select")


def _refers(dependent: Table, table: str, keys: Mapping[str, str]) -> str:
    return " or ".join(
        f"{element.parent.name} = any({keys[element.column.name]})"
        for constraint in dependent.foreign_key_constraints
        if constraint.referred_table.name == table and constraint.ondelete == "CASCADE"
        for element in constraint.elements
    )
