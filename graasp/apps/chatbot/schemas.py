"""Questions to the language model on the wire."""

from typing import Annotated, Literal, get_args

from fastapi import Query
from pydantic import BaseModel, Field

from graasp.http.fields import AnyText, Number

# The first five are of the past, and still there.
Model = Literal[
    "gpt-3.5-turbo-0125",
    "gpt-4-turbo",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1-nano",
    "gpt-5",
    "gpt-5-nano",
    "gpt-5-mini",
]
MODELS: frozenset[str] = frozenset(get_args(Model))

_MOST_MESSAGES = 500
_LONGEST_MESSAGE = 100_000


class Message(BaseModel):
    role: Literal["system", "assistant", "user"]
    content: Annotated[AnyText, Field(max_length=_LONGEST_MESSAGE)]


Conversation = Annotated[list[Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
# One that is no longer offered stands for the default.
WantedModel = Annotated[Model | Literal["gpt-4"] | None, Query(alias="gptVersion")]
Temperature = Annotated[Number, Query(ge=0, le=2)]


class Answer(BaseModel):
    completion: str | None
    model: str
