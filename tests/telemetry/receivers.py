"""What core and worker send to others about themselves: an HTTP server that keeps it."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class SentSpan(NamedTuple):
    """A span as a collector reads it. `kind`: 2 server, 3 client, 5 consumer; `failed`: its status."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Receiver:
    url: str
    received: list[Received] = field(default_factory=list)

    def spans(self) -> list[SentSpan]:
        """Every span that came over OTLP/HTTP, in protobuf."""
        return [span for one in self.received if one.path == "/v1/traces" for span in _spans(one.body)]

    def envelopes(self, kind: str) -> list[dict[str, Any]]:
        """Every event or transaction that came in Sentry's envelopes."""
        items = [item for one in self.received if "/envelope/" in one.path for item in _items(one)]
        return [payload for header, payload in items if header["type"] == kind]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer(body)

        def do_GET(self) -> None:
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans(body: bytes) -> Iterator[SentSpan]:
    request = ExportTraceServiceRequest.FromString(body)
    for of_resource in request.resource_spans:
        service = _attributes(of_resource.resource.attributes)["service.name"]
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                texts = [_attributes(event.attributes) for event in span.events]
                yield SentSpan(
                    service,
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _attributes(span.attributes) | {"events": texts, "message": span.status.message},
                    span.status.code == 2,
                )


def _attributes(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def _items(received: Received) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    body = received.body
    if received.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    elif received.headers.get("content-encoding") == "deflate":
        body = zlib.decompress(body)
    lines = [line for line in body.split(b"\n")[1:] if line]
    for header, payload in zip(lines[::2], lines[1::2], strict=True):
        yield orjson.loads(header), orjson.loads(payload)
