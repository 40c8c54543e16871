"""TensorBoard: event files that are written anew whenever they are opened, so that no point is there twice.

Each line between rollbacks is a run of its own in TensorBoard, for after one the same episodes come again.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.recorder.points import Point
from shared.domain import LoopError


class TensorBoard:
    def __init__(self, folder: Path) -> None:
        with _hidden("torch"):  # tensorboardX imports it where it can, for tensors: there are none of them here
            from tensorboardX import event_file_writer, proto, summary
            from tensorboardX.proto import event_pb2

        assert proto
        self._event, self._summary, self._open = event_pb2.Event, summary, event_file_writer.EventsWriter
        self._folder = folder
        self._writers: dict[int, Any] = {}

    def open(self) -> int:
        self.close()
        for old in self._folder.rglob("events.out.tfevents.*"):
            old.unlink()
        return 0

    def write(self, first: int, points: Sequence[Point]) -> None:  # noqa: ARG002
        try:
            for point in points:
                self._write(point)
            for writer in self._writers.values():
                writer.flush()
        except OSError as error:
            raise LoopError(f"event files cannot be written to {self._folder}: {error.strerror}; make room") from None

    def close(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def _write(self, point: Point) -> None:
        writer = self._writers.get(point.line)
        if writer is None:
            folder = self._folder / (f"after-rollback-{point.line}" if point.line else "line")
            folder.mkdir(parents=True, exist_ok=True)
            writer = self._writers[point.line] = self._open(str(folder / "events"))
        said = [
            *(self._summary.scalar(name, value) for name, value in point.scalars.items()),
            *(self._summary.text(name, text) for name, text in point.texts.items()),
        ]
        for summary in said:
            writer.write_event(self._event(wall_time=point.at.timestamp(), step=point.episodes, summary=summary))


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Meanwhile an import of it fails, as where it is not installed."""
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before
