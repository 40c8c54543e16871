"""Parquet: a record a row, of the columns that `Record` declares. pyarrow comes with `prefloop[data]`."""

import types
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from shared.domain import LoopError
from shared.exchange.jsonl import unreadable
from shared.exchange.records import Record

ROWS = 1000  # a row group: what is held in memory at once


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Where each row stands, in words, and what it holds."""
    pyarrow, parquet = _pyarrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
    except (OSError, pyarrow.ArrowException) as error:
        raise unreadable(path, error) from None


def write(records: Iterable[Record], path: Path) -> int:
    """Returns how many there were."""
    pyarrow, parquet = _pyarrow()
    schema = pyarrow.schema([(name, _arrow(field.annotation)) for name, field in Record.model_fields.items()])
    count, left = 0, iter(records)
    with parquet.ParquetWriter(path, schema) as file:
        while batch := [record.model_dump() for record in islice(left, ROWS)]:
            file.write_table(pyarrow.Table.from_pylist(batch, schema))
            count += len(batch)
    return count


def _arrow(annotation: Any) -> Any:
    """The type of a column for that of a field, None aside: all columns may be null."""
    pyarrow, _ = _pyarrow()
    if get_origin(annotation) in (Union, types.UnionType):
        return _arrow(next(of for of in get_args(annotation) if of is not type(None)))
    if get_origin(annotation) is tuple:
        return pyarrow.list_(_arrow(get_args(annotation)[0]))
    if hasattr(annotation, "__metadata__"):  # Annotated, as StrictInt is
        return _arrow(get_args(annotation)[0])
    if issubclass(annotation, BaseModel):
        return pyarrow.struct([(name, _arrow(field.annotation)) for name, field in annotation.model_fields.items()])
    if issubclass(annotation, StrEnum):
        return pyarrow.string()
    simple = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
        AwareDatetime: pyarrow.timestamp("us", tz="UTC"),
    }
    return simple[annotation]


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise LoopError("Parquet wants pyarrow: pip install 'prefloop[data]'") from None
    return pyarrow, parquet
