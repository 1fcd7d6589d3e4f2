"""Structured logs: JSON lines in production, readable lines elsewhere; ids of requests and jobs on every line."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from graasp.settings import Settings
from graasp.telemetry.error_reports import report_errors, start_error_reports
from graasp.telemetry.secrets import without_secrets


def configure_logging(settings: Settings, stream: TextIO = sys.stdout) -> None:
    """Set up structlog and the standard library's loggers to write the same lines to standard output.

    With SENTRY_DSN, what they log as errors is reported there too.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    pretty = settings.node_env != "production"
    # People who watch a terminal know the date.
    clock = structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        clock,
    ]
    reports: list[Any] = []
    if settings.sentry_dsn is not None:
        start_error_reports(settings)
        reports.append(report_errors)
    # Local variables stay out of tracebacks: they hold tokens, passwords and other people's data.
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if pretty
        else _json
    )
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    exceptions = [] if pretty else [structlog.processors.ExceptionRenderer(without_locals)]
    written: list[Any] = [*exceptions, renderer, _without_secrets]
    structlog.configure(
        processors=[*shared, *reports, *written],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, *reports],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.INFO))
    for noisy in ("httpx", "httpcore", "botocore", "aiobotocore", "rq", "uvicorn.access", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=str).decode()


def _without_secrets(_: Any, __: str, line: str) -> str:
    """The last guard: tokens, cookies, signatures and passwords in URLs stay out of every line."""
    return without_secrets(line)
