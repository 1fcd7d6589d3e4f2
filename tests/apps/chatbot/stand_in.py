"""A language model behind a real socket: it says what it is told to, and remembers what it was asked."""

import asyncio
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "sk-secret-of-the-installation"


class Asked(NamedTuple):
    headers: dict[str, str]
    body: dict[str, Any]


def completion(content: str | None = "Hello", reason: str | None = "stop") -> Response:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": reason}
    return JSONResponse({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})


def failure(status: int, code: str = "some_code") -> Response:
    """As the service words it: with a piece of the key."""
    error = {"message": f"Incorrect API key provided: {KEY[:9]}***", "type": "error", "code": code}
    return JSONResponse({"error": error}, status_code=status)


class LanguageModel:
    """`answers` in turn; the last one again and again. None is silence until everything is over."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[Response | None] = [completion()]
        self.is_over = asyncio.Event()

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        self.asked.append(Asked(dict(request.headers), await request.json()))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return failure(401, "invalid_api_key")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await self.is_over.wait()
            return completion()
        return answer
