"""What apps store: any JSON object, but for what only an upload says of itself."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from graasp.http.fields import AnyText, JsonObject, failure


def has_file(content: Any) -> bool:
    """Whether stored content has, or claims to have, a file."""
    return isinstance(content, dict) and "file" in content


def _without_file(content: dict[str, Any]) -> dict[str, Any]:
    if has_file(content):
        raise failure('must NOT have property "file"')
    return content


Content = Annotated[JsonObject, AfterValidator(_without_file)]
Kind = Annotated[AnyText, Field(min_length=3, max_length=25)]
