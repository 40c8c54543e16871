"""Where the texts of a task come from: a file of text, JSON lines or Parquet, or a data set by its name.

    stories.txt, queries.jsonl, articles.parquet       by what the file's name ends in
    datasets:abisee/cnn_dailymail:3.0.0:train          by Hugging Face's `datasets`: name or folder, config, split

The only file that knows pyarrow and `datasets`; both come with `prefloop[data]`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.domain import LoopError

NAMED = "datasets:"
KINDS = f"name a .txt, .jsonl or .parquet file, or {NAMED}NAME[:CONFIG[:SPLIT]]"

Records = Iterator[tuple[str, Mapping[str, Any]]]  # where a record stands, in words, and its columns


class Row(NamedTuple):
    """A text, and beside it what people wrote for it where the data set has that."""

    text: str
    reference: str | None = None


def rows(source: str, *, column: str, reference: str | None = None) -> Iterator[Row]:
    """The rows of a source whose `column` is not blank; a file of plain text is one row.

    `reference` is the column of the reference, None in rows without one. Raises LoopError where the source cannot be
    read, or a row has no text in `column`.
    """
    if not source.startswith(NAMED) and Path(source).suffix == ".txt":
        records: Records = iter([("text", {column: _plain_text(Path(source))})])
    else:
        records = _records(source, [column, *([reference] if reference else [])])
    for where, record in records:
        text = _text(record, column)
        if text is None:
            expected = f'expected {{"{column}": "..."}}, got {str(record)[:60]!r}'
            raise LoopError(f"task.queries {source}, {where}: {expected}; task.column names the column with the text")
        if text:
            yield Row(text, _text(record, reference) or None if reference else None)


def _text(record: Mapping[str, Any], column: str) -> str | None:
    """None where there is no such text, or one that no store takes: with NUL or half a surrogate pair."""
    text = record.get(column) if isinstance(record, Mapping) else None
    if not isinstance(text, str) or "\0" in text:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text.strip()


def _records(source: str, columns: list[str]) -> Records:
    if source.startswith(NAMED):
        return _data_set(source, columns)
    kinds: dict[str, Callable[[Path, list[str]], Records]] = {
        ".jsonl": _json_lines,
        ".json": _json_lines,
        ".parquet": _parquet,
    }
    path = Path(source)
    if path.suffix not in kinds:
        raise LoopError(f"task.queries {source} is of no kind that is known: {KINDS}")
    return kinds[path.suffix](path, columns)


def _plain_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _json_lines(path: Path, _: list[str]) -> Records:
    try:
        with path.open(encoding="utf-8") as file:  # not splitlines, which parts a text at U+2028
            for number, line in enumerate(file, 1):
                yield f"line {number}", _decoded(line)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.rstrip("\n")  # no record: `rows` says so, with the line


def _parquet(path: Path, columns: list[str]) -> Records:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise LoopError("Parquet wants pyarrow: pip install 'prefloop[data]'") from None
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(columns=_present(columns, file.schema_arrow.names, path)):
                for record in batch.to_pylist():
                    number += 1
                    yield f"row {number}", record
    except (OSError, ArrowException) as error:
        raise _unreadable(path, error) from None


def _data_set(source: str, columns: list[str]) -> Records:
    try:
        import datasets
    except ImportError:
        raise LoopError("named data sets want Hugging Face's `datasets`: pip install 'prefloop[data]'") from None
    parts = source.removeprefix(NAMED).split(":")
    if len(parts) > 3:
        raise LoopError(f"task.queries {source} has too many colons: {KINDS}")
    name, config, split = [*parts, "", ""][:3]
    try:
        found = datasets.load_dataset(name, config or None, split=split or "train")
    except Exception as error:  # noqa: BLE001 - the hub, its client and its readers raise whatever they like
        raise _unreadable(source, error) from None
    for number, record in enumerate(found.select_columns(_present(columns, found.column_names, source)), 1):
        yield f"row {number}", record


def _present(columns: list[str], names: list[str], source: Path | str) -> list[str]:
    """Those of `columns` that there are. LoopError without the first, which is the text's."""
    if columns[0] not in names:
        raise LoopError(
            f"task.queries {source} has no column {columns[0]}, but {', '.join(names)}: task.column names the one with "
            "the text"
        )
    return [name for name in columns if name in names]


def _unreadable(source: Path | str, error: Exception) -> LoopError:
    return LoopError(f"task.queries {source} cannot be read ({error}); {KINDS}")
