"""Labels written to a file for others, and labels of others read into a loop's store."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.domain import LoopError
from shared.exchange import hh, jsonl, manifest, openai, parquet, summarize, trl
from shared.exchange.fit import Fit
from shared.exchange.manifest import Manifest
from shared.exchange.records import Record, parsed
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings, load_settings
from shared.store import exports, imports, loop
from shared.store.database import Database
from shared.store.exports import Selection
from shared.store.imports import Imported

if TYPE_CHECKING:
    from shared.language.tokens import Tokenizer

EVERY = 10_000  # labels, between two words about how far it is
ExportFormat = Literal["jsonl", "parquet", "trl", "openai"]
ImportFormat = Literal["jsonl", "parquet", "trl", "openai", "summarize", "hh"]
Say = Callable[[str], None]


def export_labels(db: Database, path: Path, format: ExportFormat, selection: Selection, say: Say) -> Manifest:
    """Write the labels to `path` and what they are to the manifest beside it. Files that are there are replaced.

    LoopError where the format cannot hold a label, or the file cannot be written.
    """
    settings = settings_of(db)
    pad_id = tokenizer_of(settings.model.ref_policy).pad_id if format == "openai" else None
    records = _Told(exports.labels(db, selection), exports.count(db, selection), "exported", say)
    with _replacing(path) as new:
        items = _write(format, records, new, settings, pad_id)
        found = Manifest(
            format=format,
            prefloop_version=version("prefloop"),
            created_at=datetime.now(UTC),
            sha256=manifest.sha256(new),
            labels=records.count,
            items=items,
            filters=asdict(selection),
            loop=settings.name,
            settings=settings.without_secrets(),
            tokenizer=settings.model.ref_policy,
            pad_id=pad_id,
        )
        with _replacing(manifest.beside(path)) as beside:
            manifest.write(found, beside)
    return found


def import_labels(
    db: Database,
    path: Path,
    format: ImportFormat,
    say: Say,
    *,
    tokenizer: str | None = None,
    labeler: str | None = None,
    skip_unfit: bool = False,
) -> tuple[Imported, int]:
    """Store the labels of a file, all or none. Returns what was stored, and how many were left out as unfit.

    They are read, checked and put into tokens before the store is touched: a training waits for labels under way, and
    people's answers would wait with it. `tokenizer`: of the file's token ids; by default the one its manifest names.
    LoopError for a file that cannot be read, and for a line that is wrong or, without `skip_unfit`, does not fit.
    """
    if not path.is_file():
        raise LoopError(f"{path} is no file: name one that is there")
    settings, beside = settings_of(db), manifest.read(path)
    ours = tokenizer_of(settings.model.ref_policy)
    fit = Fit(ours, settings.task, QUESTIONS[settings.labels.kind])
    found = _read(format, path, tokenizer or (beside.tokenizer if beside else None))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        for record in _Told(fit.fitted(found, skip=skip_unfit), beside.items if beside else None, "read", say):
            file.write(record.model_dump_json() + "\n")
        file.seek(0)
        stored = imports.add(db, map(Record.model_validate_json, file), source=path.name, labeler=labeler)
    return stored, fit.left_out


def settings_of(db: Database) -> Settings:
    """Those that the store's loop was started with, whatever the environment says."""
    return load_settings(preset=loop.stored_settings(db), environ={})


def tokenizer_of(name: str) -> "Tokenizer":
    from shared.language.pretrained import open_tokenizer
    from shared.language.tokens import Tokenizer

    return Tokenizer(open_tokenizer(name))


def _write(format: ExportFormat, records: Iterator[Record], path: Path, settings: Settings, pad_id: int | None) -> int:
    match format:
        case "jsonl":
            return jsonl.write(records, path)
        case "parquet":
            return parquet.write(records, path)
        case "trl":
            return jsonl.write(trl.pairs(records), path)
        case "openai":
            assert pad_id is not None
            lengths = settings.task.query_tokens, settings.task.response_tokens
            return openai.write(records, path, pad_id=pad_id, query_tokens=lengths[0], response_tokens=lengths[1])


def _read(format: ImportFormat, path: Path, tokenizer: str | None) -> Iterator[tuple[str, Record]]:
    """Where each record stands, in words, and the record. A file that ends in .parquet is one, whatever it holds."""
    rows = parquet.rows if format == "parquet" or path.suffix == ".parquet" else jsonl.rows
    match format:
        case "jsonl" | "parquet":
            return ((where, parsed(Record, row, where)) for where, row in rows(path))
        case "trl":
            return trl.read(rows(path))
        case "summarize":
            return summarize.read(rows(path))
        case "hh":
            return hh.read(rows(path))
        case "openai":
            if tokenizer is None:
                raise LoopError(
                    f"{path} holds token ids, and no manifest beside it says whose: name the tokenizer with --tokenizer"
                )
            return openai.read(path, tokenizer_of(tokenizer))


class _Told:
    """An iterator of records that says how far it is."""

    def __init__(self, records: Iterator[Record], total: int | None, done: str, say: Say) -> None:
        self.count = 0
        self._records, self._total, self._done, self._say = records, total, done, say

    def __iter__(self) -> "_Told":
        return self

    def __next__(self) -> Record:
        record = next(self._records)
        self.count += 1
        if self.count % EVERY == 0:
            of = "" if self._total is None else f" of {self._total:,}"
            self._say(f"{self.count:,}{of} labels {self._done}")
        return record


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path`, which takes its place if the block ends well."""
    new = path.with_name(f".{path.name}.new")
    try:
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        why = error.strerror or error
        raise LoopError(f"{path} cannot be written ({why}): name a file in a folder that can") from None
    finally:
        new.unlink(missing_ok=True)
