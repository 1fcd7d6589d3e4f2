"""Lists of people as spreadsheets and scripts write them: CSV of any encoding, delimiter and line end."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from charset_normalizer import from_bytes
from pydantic import TypeAdapter, ValidationError

from graasp.http.errors import BadRequest, RequestFileTooLarge
from graasp.http.fields import Email
from graasp.invitations.errors import (
    MissingEmailColumn,
    MissingEmailInRow,
    MissingGroupColumn,
    MissingGroupInRow,
    NoDataInFile,
)
from graasp.invitations.service import LONGEST_NAME, Invitee
from graasp.memberships.authorization import Permission

COLUMNS = ("email", "name", "permission", "group_name")

_LONGEST_GROUP_NAME = 500
_DELIMITERS = ",;\t|\x1e\x1f"
_HEAD = 256 * 1024
_LONGEST_HEADER = 64 * 1024
_LONGEST_LINE = 1024 * 1024
# UTF-32 before UTF-16, whose mark it begins with.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What programs write in the languages of the product where they do not write UTF-8.
_LEGACY_ENCODINGS = ["cp1252", "cp1256"]
_DEFAULT_ENCODING = "cp1252"
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


class Line(NamedTuple):
    """A row with something in it, numbered as spreadsheets number rows; cells are trimmed, absent ones empty."""

    number: int
    cells: dict[str, str]


class Sheet(NamedTuple):
    """The known columns of a file that has them, and its rows below the header."""

    columns: frozenset[str]
    lines: list[Line]


def read_sheet(file: BinaryIO, *, most_rows: int) -> Sheet:
    """The whole file; runs in a thread.

    Raises NoDataInFile, RequestFileTooLarge for more rows than allowed, BadRequest for what is no CSV.
    """
    text = io.TextIOWrapper(file, encoding=_encoding(file), errors="replace", newline="")
    try:
        return _parse(text, most_rows)
    except csv.Error:
        raise BadRequest("body must be text/csv") from None
    finally:
        text.detach()


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head.count(0) > len(head) // 4:
        # Every other byte of plain letters is zero: the second one of each pair, or the first.
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    if _is_utf8(file):
        return "utf-8"
    guess = from_bytes(head, cp_isolation=_LEGACY_ENCODINGS).best()
    return guess.encoding if guess else _DEFAULT_ENCODING


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_HEAD):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _parse(text: io.TextIOWrapper, most_rows: int) -> Sheet:
    header = text.readline(_LONGEST_HEADER)
    text.seek(0)
    records = csv.reader(_lines_of(text), delimiter=_delimiter(header), skipinitialspace=True)
    names = [_trimmed(name).lower() for name in next(records, [])]
    places = {name: names.index(name) for name in COLUMNS if name in names}
    lines: list[Line] = []
    for number, record in enumerate(records, start=2):
        if number > most_rows + 1:
            raise RequestFileTooLarge
        if not any(record) or not any(map(_trimmed, record)):
            continue
        found = {name: _trimmed(record[place]) for name, place in places.items() if place < len(record)}
        lines.append(Line(number, dict.fromkeys(COLUMNS, "") | found))
    if not lines:
        raise NoDataInFile
    return Sheet(frozenset(places), lines)


def _lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Line by line, so that a file that is one endless line is never held as a whole."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise csv.Error
        yield line


def _delimiter(header: str) -> str:
    """The one that finds the most known columns in the header, then the most columns at all."""

    def columns(delimiter: str) -> tuple[int, int]:
        names = [_trimmed(name).lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
        return len(set(names) & set(COLUMNS)), len(names)

    return max(_DELIMITERS, key=columns)


def _trimmed(cell: str) -> str:
    return cell.strip(" \t\r\n\xa0\ufeff\0")


def invitees(sheet: Sheet) -> list[Invitee]:
    """Everybody in the file. Raises MissingEmailColumn, MissingEmailInRow, BadRequest with the row's number."""
    if "email" not in sheet.columns:
        raise MissingEmailColumn
    _require_emails(sheet)
    return [_invitee(line) for line in sheet.lines]


def require_groups(sheet: Sheet) -> None:
    """Raises MissingGroupColumn."""
    if "group_name" not in sheet.columns:
        raise MissingGroupColumn


def groups(sheet: Sheet) -> dict[str, list[Invitee]]:
    """Everybody by group: numbered groups first, by their number, then the others as they appear.

    Raises MissingEmailInRow, MissingGroupInRow, BadRequest with the row's number.
    """
    _require_emails(sheet)
    for line in sheet.lines:
        if not line.cells["group_name"]:
            raise MissingGroupInRow({"row": line.number})
    found: dict[str, list[Invitee]] = {}
    for line in sheet.lines:
        found.setdefault(_group_name(line), []).append(_invitee(line))
    numbered = sorted((name for name in found if _INDEX.fullmatch(name)), key=int)
    return {name: found[name] for name in dict.fromkeys((*numbered, *found))}


def _require_emails(sheet: Sheet) -> None:
    for line in sheet.lines:
        if not line.cells["email"]:
            raise MissingEmailInRow({"row": line.number})


def _group_name(line: Line) -> str:
    name = _storable(line, "group_name")
    if len(name) > _LONGEST_GROUP_NAME:
        raise _wrong(line, f"group_name must NOT have more than {_LONGEST_GROUP_NAME} characters")
    return name


def _invitee(line: Line) -> Invitee:
    name = _storable(line, "name")
    if len(name) > LONGEST_NAME:
        raise _wrong(line, f"name must NOT have more than {LONGEST_NAME} characters")
    try:
        email = _EMAIL.validate_python(line.cells["email"].lower())
    except ValidationError:
        raise _wrong(line, 'email must match format "email"') from None
    return Invitee(email, _permission(line), name or None)


def _permission(line: Line) -> Permission:
    name = line.cells["permission"].lower()
    if not name:
        return Permission.READ
    try:
        return Permission.from_wire(name)
    except KeyError:
        raise _wrong(line, "permission must be equal to one of the allowed values") from None


def _storable(line: Line, column: str) -> str:
    if "\0" in line.cells[column]:
        raise _wrong(line, f"{column} must NOT contain the NUL character")
    return line.cells[column]


def _wrong(line: Line, reason: str) -> BadRequest:
    return BadRequest(f"row {line.number}: {reason}")
