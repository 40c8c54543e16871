"""Sources in their real forms: files of each kind, and a folder that `datasets` opens."""

import json
from pathlib import Path

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.domain import LoopError
from shared.tasks.sources import Row, rows

ARTICLES: dict[str, list[str | None]] = {
    "article": ["One. ", "Two.", " "],
    "highlights": ["1", None, "3"],
    "id": ["a", "b", "c"],
}
ROWS = [Row("One.", "1"), Row("Two.", None)]  # stripped, and without the blank one


@pytest.fixture
def articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    file = tmp_path / "news" / "train.parquet"
    file.parent.mkdir()
    parquet.write_table(pa.table(ARTICLES), file)
    return file


def test_parquet(articles: Path) -> None:
    assert list(rows(str(articles), column="article", reference="highlights")) == ROWS


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    records = [{name: values[i] for name, values in ARTICLES.items()} for i in range(3)]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert list(rows(str(file), column="article", reference="highlights")) == ROWS
    assert list(rows(str(file), column="article")) == [Row("One."), Row("Two.")]


def test_a_data_set_by_its_name(articles: Path) -> None:
    assert list(rows(f"datasets:{articles.parent}", column="article", reference="highlights")) == ROWS
    assert list(rows(f"datasets:{articles.parent}:default:train", column="id")) == [Row("a"), Row("b"), Row("c")]
    with pytest.raises(LoopError, match="validation"):
        list(rows(f"datasets:{articles.parent}::validation", column="article"))
    with pytest.raises(LoopError, match=r"NAME\[:CONFIG\[:SPLIT\]\]"):
        list(rows("datasets:a:b:c:d", column="article"))


def test_a_column_that_is_not_there_is_named(articles: Path) -> None:
    for source in (str(articles), f"datasets:{articles.parent}"):
        with pytest.raises(LoopError, match=r"no column post, but article, highlights, id: task\.column"):
            list(rows(source, column="post"))


def test_plain_text_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\nOne.\n\nTwo.\n")
    assert list(rows(str(tmp_path / "book.txt"), column="text")) == [Row("One.\n\nTwo.")]


@pytest.mark.parametrize("name", ["none.jsonl", "none.txt", "none.parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(LoopError, match=rf"{name} cannot be read"):
        list(rows(str(tmp_path / name), column="text"))
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(LoopError, match=rf"{name} cannot be read"):
        list(rows(str(tmp_path / name), column="text"))


def test_a_file_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(LoopError, match=r"queries\.csv is of no kind that is known: name a \.txt"):
        list(rows("queries.csv", column="text"))


@pytest.mark.parametrize(
    "line", ["not json", "[]", '{"text": 3}', '{"query": "x"}', r'{"text": "a\u0000b"}', r'{"text": "\ud800"}']
)
def test_a_line_without_text_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "queries.jsonl").write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(LoopError, match=r"queries.jsonl, line 2: expected .*task.column"):
        list(rows(str(tmp_path / "queries.jsonl"), column="text"))
