"""JSON lines: a record a line, UTF-8; `.gz` is unpacked on the way."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel

from shared.domain import LoopError
from shared.exchange.records import bad

UNREADABLE = (OSError, UnicodeDecodeError, EOFError, zlib.error)


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Where each row stands, in words, and what it holds; empty lines do not count. LoopError for what is no JSON."""
    try:
        with opened(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}, line {number}", _decoded(line, f"{path}, line {number}")
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def write(records: Iterable[BaseModel], path: Path) -> int:
    """Returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for count, record in enumerate(records, 1):  # noqa: B007 - the last one is the number
            file.write(record.model_dump_json() + "\n")
    return count


def opened(path: Path) -> IO[str]:
    """A file of text, unpacked where it is packed."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def unreadable(path: Path, error: Exception) -> LoopError:
    return LoopError(f"{path} cannot be read ({error}): name a file of the format that --format says")


def _decoded(line: str, where: str) -> Any:
    try:
        row = json.loads(line)
        if "\\u" in line:  # half a surrogate pair may be spelled so, of which nobody can make bytes or tokens
            json.dumps(row, ensure_ascii=False).encode()
    except ValueError as error:
        raise bad(where, "the line", line.rstrip("\n"), f"no JSON of text: {error}") from None
    return row
