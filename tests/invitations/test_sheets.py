"""CSV as the world writes it: encodings, delimiters, line ends, quotes, and what is wrong in which row."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graasp.http.errors import BadRequest, RequestFileTooLarge
from graasp.invitations.errors import (
    MissingEmailColumn,
    MissingEmailInRow,
    MissingGroupColumn,
    MissingGroupInRow,
    NoDataInFile,
)
from graasp.invitations.service import Invitee
from graasp.invitations.sheets import groups, invitees, read_sheet, require_groups
from graasp.memberships.authorization import Permission

READ, WRITE, ADMIN = Permission.READ, Permission.WRITE, Permission.ADMIN


def people(content: str | bytes, **options: Any) -> list[Invitee]:
    raw = content.encode() if isinstance(content, str) else content
    return invitees(read_sheet(io.BytesIO(raw), **{"most_rows": 1000} | options))


def by_group(content: str) -> dict[str, list[str]]:
    found = groups(read_sheet(io.BytesIO(content.encode()), most_rows=1000))
    return {name: [invitee.email for invitee in members] for name, members in found.items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x1e", "\x1f"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_every_delimiter_line_end_and_encoding(delimiter: str, end: str, encoding: str) -> None:
    rows = [
        ["name", "email", "permission"],
        ["Jürgen Groß", "jg@example.org", "write"],
        ["Éloïse Peña", "ep@example.org", "read"],
    ]
    content = end.join(delimiter.join(row) for row in rows) + end
    assert people(content.encode(encoding)) == [
        Invitee("jg@example.org", WRITE, "Jürgen Groß"),
        Invitee("ep@example.org", READ, "Éloïse Peña"),
    ]


def test_arabic_as_older_spreadsheets_write_it() -> None:
    content = "email,name\na@example.org,محمد علي\nb@example.org,فاطمة الزهراء\n"
    assert [invitee.name for invitee in people(content.encode("cp1256"))] == ["محمد علي", "فاطمة الزهراء"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("email\na@example.org", [Invitee("a@example.org")]),
        ("email\na@example.org, b@example.org\n", [Invitee("a@example.org")]),
        ("\ufeff EMAIL , Permission \nA@Example.ORG, WRITE \n", [Invitee("a@example.org", WRITE)]),
        ("permission,unknown,email\nadmin,x,a@example.org\n", [Invitee("a@example.org", ADMIN)]),
        ("email,permission\na@example.org\n", [Invitee("a@example.org")]),
        ("email,permission\na@example.org,\n", [Invitee("a@example.org")]),
        ("email,permission\na@example.org,read,more,cells\n", [Invitee("a@example.org")]),
        ('email,permission\na@example.org, "write"\n', [Invitee("a@example.org", WRITE)]),
        (
            'email,name\na@example.org,"Doe, ""J"" \n Jane"\n',
            [Invitee("a@example.org", READ, 'Doe, "J" \n Jane')],
        ),
        ("email,email\na@example.org,b@example.org\n", [Invitee("a@example.org")]),
        (
            "email,name\n\na@example.org,\n  \n,\nb@example.org,B\n\n\n",
            [Invitee("a@example.org"), Invitee("b@example.org", READ, "B")],
        ),
        ('email;name\na@example.org;Ann, "Al", B\n', [Invitee("a@example.org", READ, 'Ann, "Al", B')]),
        ("name,email\nA;B;C;D,a@example.org\n", [Invitee("a@example.org", READ, "A;B;C;D")]),
        (
            "email,name\na@example.org,=cmd|' /C calc'!A0\n",
            [Invitee("a@example.org", READ, "=cmd|' /C calc'!A0")],
        ),
    ],
)
def test_what_spreadsheets_do_to_a_list(content: str, expected: list[Invitee]) -> None:
    assert people(content) == expected


@pytest.mark.parametrize("content", ["", "\n\n", "email,permission\n", "email\n\n  \n", "\ufeff"])
def test_a_file_without_a_row_has_no_data(content: str) -> None:
    with pytest.raises(NoDataInFile):
        people(content)


@pytest.mark.parametrize(
    ("content", "error", "about"),
    [
        ("email,name\na@example.org,A\n\n,B\n", MissingEmailInRow, {"row": 4}),
        ("email\na@example.org\nnot-an-email\n", BadRequest, 'row 3: email must match format "email"'),
        ("email\na@localhost\n", BadRequest, 'row 2: email must match format "email"'),
        (
            "email,permission\na@example.org,owner\n",
            BadRequest,
            "row 2: permission must be equal to one of the allowed values",
        ),
        (
            f"email,name\na@example.org,{'x' * 101}\n",
            BadRequest,
            "row 2: name must NOT have more than 100 characters",
        ),
        ("email,name\na@example.org,a\0b\n", BadRequest, "row 2: name must NOT contain the NUL character"),
        (f'email,name\na@example.org,"{"x" * 200_000}\n', BadRequest, "body must be text/csv"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(content: str, error: Any, about: Any) -> None:
    with pytest.raises(error) as raised:
        people(content)
    assert about == (raised.value.message if error is BadRequest else raised.value.data)


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe", b"\x00" * 1000, b"\xff" * 1000, b"PK\x03\x04" + bytes(range(256)) * 50]
)
def test_what_is_no_text_is_refused_and_nothing_worse(garbage: bytes) -> None:
    with pytest.raises((NoDataInFile, MissingEmailColumn, BadRequest)):
        people(garbage)


def test_without_a_column_of_addresses_there_is_nobody_to_invite() -> None:
    with pytest.raises(MissingEmailColumn):
        people("mail,name\na@example.org,A\n")


@pytest.mark.parametrize("piece", [",", "x", '"', "a,", "\u00e9"])
def test_an_endless_line_is_refused_before_it_is_held(piece: str) -> None:
    with pytest.raises(BadRequest):
        people("email\na@example.org\n" + piece * 3_000_000)


def test_rows_are_bounded_blank_ones_too() -> None:
    content = "email\n\n" + "".join(f"{n}@example.org\n" for n in range(3))
    assert len(people(content, most_rows=4)) == 3
    with pytest.raises(RequestFileTooLarge):
        people(content, most_rows=3)


def test_numbered_groups_come_first_and_the_others_as_they_appear() -> None:
    rows = ["Zed", "10", "zed", "2", "01", "Zed", " 2 "]
    content = "email,group_name\n" + "".join(f"{n}@example.org,{name}\n" for n, name in enumerate(rows))
    assert by_group(content) == {
        "2": ["3@example.org", "6@example.org"],
        "10": ["1@example.org"],
        "Zed": ["0@example.org", "5@example.org"],
        "zed": ["2@example.org"],
        "01": ["4@example.org"],
    }
    assert list(by_group(content)) == ["2", "10", "Zed", "zed", "01"]


def test_every_row_has_an_address_and_a_group() -> None:
    with pytest.raises(MissingGroupColumn):
        require_groups(read_sheet(io.BytesIO(b"email\na@example.org\n"), most_rows=9))
    with pytest.raises(MissingEmailInRow) as no_email:
        by_group("email,group_name\na@example.org,\n,A\n")
    assert no_email.value.data == {"row": 3}
    with pytest.raises(MissingGroupInRow) as no_group:
        by_group("email,group_name\na@example.org,A\nb@example.org,\n")
    assert no_group.value.data == {"row": 3}
    with pytest.raises(MissingEmailInRow):
        by_group("group_name,name\nA,x\n")
    with pytest.raises(BadRequest):
        by_group(f"email,group_name\na@example.org,{'x' * 501}\n")


_cells = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Cf", "Zl", "Zp")), max_size=50
)


@given(
    names=st.lists(_cells, min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_is_written_is_read_back(
    names: list[str], delimiter: str, end: str, quoting: Any, encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["name", "email", "permission"])
    writer.writerows([name, f"{n}@example.org", "admin"] for n, name in enumerate(names))
    assert people(text.getvalue().encode(encoding)) == [
        Invitee(f"{n}@example.org", ADMIN, name or None) for n, name in enumerate(names)
    ]
