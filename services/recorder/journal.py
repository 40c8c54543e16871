"""Which points were written down, in which order: a line a key, on disk before any sink has the point.

So a point has a number for good, and a sink that says how many it has gets the others: none twice, none never.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from shared.domain import LoopError

NAME = "recorded.txt"


class Journal:
    """A context manager that holds the file. LoopError where another process does, or the disk is full."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = open(folder / NAME, "ab+")  # noqa: SIM115 (held until the end)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise LoopError(f"another recorder writes to {folder}: one is enough") from None
        self._file.seek(0)
        whole = self._file.read().rpartition(b"\n")[0]  # the rest was being written when the machine fell
        self._file.truncate(len(whole) + 1 if whole else 0)
        self.keys = whole.decode().split()
        self._known = set(self.keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, keys: Iterable[str]) -> None:
        """Note those that are new."""
        new = [key for key in keys if key not in self._known]
        if not new:
            return
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write("".join(f"{key}\n" for key in new).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(end)
            raise LoopError(f"curves cannot be written to {self._file.name}: {error.strerror}; make room") from None
        self.keys += new
        self._known.update(new)
