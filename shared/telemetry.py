"""What processes say: standard logging to stderr, one line a record, in UTC.

    2026-01-31T12:00:00.123Z INFO    ppo services.ppo.worker: policy 3 published

Texts of models and people reach log messages and errors: no text can look like a line of its own. What does not print
is escaped, and the lines of a traceback are indented. Left out: metrics, which the dashboard reads from the store.
"""

import logging
import sys
import time

# They tell of every request and every round of upkeep.
NOISY = ("alembic", "filelock", "httpx", "httpcore", "rq.worker", "urllib3")


def configure(service: str, level: str) -> None:
    """Send this process's records, warnings too, to stderr. Call it once, in the entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


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


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
