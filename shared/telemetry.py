"""What processes say: standard logging to stderr, one line a record, in UTC.

    2026-01-31T12:00:00.123Z INFO    ppo services.ppo.worker: policy 3 published

or, for machines (`log_format` json), the same as a JSON object with the run's name, and with what the record is about:
the job's key, attempt and version, the web request and its account (`about`, `begin`).

Texts of models and people reach log messages and errors: no text can look like a line of its own. What does not print
is escaped, and the lines of a traceback are indented. Left out: metrics, which the dashboard reads from the store.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal

from pythonjsonlogger.json import JsonFormatter

# They tell of every request and every round of upkeep.
NOISY = ("alembic", "filelock", "httpx", "httpcore", "rq.worker", "urllib3", "wandb")

_about: ContextVar[Mapping[str, str | int]] = ContextVar("about", default=MappingProxyType({}))


def configure(service: str, level: str, *, form: Literal["text", "json"] = "text", run: str = "") -> None:
    """Send this process's records, warnings too, to stderr. Call it once, in the entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(service) if form == "text" else ObjectFormatter(service, run))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def about(**facts: str | int) -> Iterator[None]:
    """What the block's records are about, beside what those around it are."""
    token = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def begin(**facts: str | int) -> None:
    """What all records are about until the end of the task, and nothing else: a web request is a task of its own."""
    _about.set(facts)


def note(**facts: str | int) -> None:
    """And this too."""
    _about.set({**_about.get(), **facts})


class LineFormatter(logging.Formatter):
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, service: str) -> None:
        super().__init__()
        self.converter = time.gmtime
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        head = f"{self.formatTime(record)} {record.levelname:<7} {self._service} {record.name}"
        lines = [f"{head}: {record.getMessage().rstrip()}"]
        if record.exc_info:
            lines += _indented(self.formatException(record.exc_info))
        if record.stack_info:
            lines += _indented(record.stack_info)
        return "\n".join(map(printable, lines))


class ObjectFormatter(JsonFormatter):
    """All that is not ASCII is escaped: no text can end its line."""

    default_time_format = LineFormatter.default_time_format
    default_msec_format = LineFormatter.default_msec_format

    def __init__(self, service: str, run: str) -> None:
        super().__init__()
        self.converter = time.gmtime
        self._constant = {"service": service, "run": run}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data |= {"time": self.formatTime(record), "level": record.levelname, **self._constant}
        log_data |= {"logger": record.name, **_about.get()}
        super().add_fields(log_data, record, message_dict)


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
