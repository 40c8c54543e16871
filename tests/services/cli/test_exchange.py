"""Labels go out of a loop in every format, and what a format can hold of them comes into another loop unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.cli import exchange
from services.cli.exchange import export_labels, import_labels, tokenizer_of
from services.cli.main import cli
from shared.domain import LoopError
from shared.exchange.manifest import Manifest, beside
from shared.exchange.records import Passage, Record, Written
from shared.language.tokens import Tokenizer
from shared.store import queries
from shared.store.database import Database
from shared.store.exports import Selection
from shared.store.imports import Imported
from tests.models import tiny_model
from tests.shared.exchange.stored import EVERYTHING, add, begin, kept, labels, record


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tokenizer_of(str(tiny_model()))


def spelled(tokenizer: Tokenizer, number: int, n: int = 4, **more: Any) -> Record:
    """A label of words that a policy wrote letter by letter: another way than the tokenizer would cut their text."""
    written = [
        Written(text=word, tokens=tuple(token for letter in word for token in tokenizer.encode(letter)))
        for word in ("the", "and", "lost", "warm")[:n]
    ]
    assert tokenizer.encode(written[0].text) != written[0].tokens
    query = f"dog {number}"
    return record(number, n, query=Passage(text=query, tokens=tokenizer.encode(query)), responses=written, **more)


@pytest.fixture
def given(tokenizer: Tokenizer) -> list[Record]:
    return [
        spelled(tokenizer, 0, shown=3, flag="all_alike", critique="All of\nthem 🙂"),
        spelled(tokenizer, 1, labeler="grace", seconds=None),
        spelled(tokenizer, 2, retracted=True),
        spelled(tokenizer, 3, none_acceptable=True),
        spelled(tokenizer, 0, labeler="grace"),
    ]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_all_of_every_label_comes_back(db: Database, tmp_path: Path, given: list[Record], format: Any) -> None:
    begin(db)
    add(db, given)
    written = export_labels(db, tmp_path / "a", format, EVERYTHING, quiet)
    assert (written.labels, written.items) == (5, 5)
    begin(db, seed="2")
    assert import_labels(db, tmp_path / "a", format, quiet) == (Imported(stored=5, known=0), 0)
    assert kept(labels(db)) == given
    assert import_labels(db, tmp_path / "a", format, quiet) == (Imported(stored=0, known=5), 0)
    export_labels(db, tmp_path / "b", format, EVERYTHING, quiet)
    begin(db, seed="3")
    import_labels(db, tmp_path / "b", format, quiet)
    assert kept(labels(db)) == given


@pytest.mark.parametrize(("format", "items"), [("trl", 9), ("openai", 3)])
def test_choices_come_back(db: Database, tmp_path: Path, given: list[Record], format: Any, items: int) -> None:
    """Of four labels that stand, one says that none is acceptable. A best of four is three pairs, or one item."""
    begin(db)
    add(db, given)
    written = export_labels(db, tmp_path / "a", format, Selection(), quiet)
    assert (written.labels, written.items) == (4, items)
    begin(db, seed="2")
    assert import_labels(db, tmp_path / "a", format, quiet)[0].stored == items
    again = export_labels(db, tmp_path / "b", format, Selection(), quiet)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    assert again.sha256 == written.sha256
    if format == "openai":
        chosen = [label for label in given if label.best is not None and not label.retracted]
        learnt = queries.labeled(db, upto=queries.watermark(db))[::-1]  # positions fall
        assert sorted((x.tokens, x.responses, x.best) for x in learnt) == sorted(
            (x.query.tokens, tuple(y.tokens for y in x.responses), x.best) for x in chosen
        )


def test_ratings_come_back(db: Database, tmp_path: Path, tokenizer: Tokenizer) -> None:
    rated = [spelled(tokenizer, number, 1, rating=1 + number) for number in range(3)]
    kind = {"labels__kind": "rating", "task__responses": "1"}
    begin(db, **kind)
    add(db, rated)
    export_labels(db, tmp_path / "a", "parquet", Selection(), quiet)
    for format in ("trl", "openai"):
        with pytest.raises(LoopError, match=r"label 1 is .*--format jsonl or parquet"):
            export_labels(db, tmp_path / "b", format, Selection(), quiet)
    assert not list(tmp_path.glob("*b*"))
    begin(db, seed="2", **kind)
    import_labels(db, tmp_path / "a", "parquet", quiet)
    assert kept(labels(db)) == rated


def test_the_manifest_says_what_the_file_is(db: Database, tmp_path: Path, given: list[Record]) -> None:
    begin(db)
    add(db, given)
    export_labels(db, tmp_path / "a.json", "openai", Selection(labelers=("grace",)), quiet)
    text = beside(tmp_path / "a.json").read_text()
    found = Manifest.model_validate_json(text)
    assert (found.format, found.format_version, found.loop, found.tokenizer) == ("openai", 1, "demo", str(tiny_model()))
    assert (found.labels, found.filters["labelers"], found.settings["task"]["query_tokens"]) == (2, ["grace"], 12)
    assert not {"database_url", "redis_url", "operator_key"} & set(found.settings)
    assert json.loads((tmp_path / "a.json").read_text())[0]["query"][-1] == found.pad_id
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "a.json.manifest.json"]


def test_a_file_that_is_not_its_manifests_is_refused(db: Database, tmp_path: Path, given: list[Record]) -> None:
    begin(db)
    add(db, given)
    export_labels(db, tmp_path / "a", "jsonl", Selection(), quiet)
    with (tmp_path / "a").open("a") as file:
        file.write("\n")
    with pytest.raises(LoopError, match=r"is not the file that a\.manifest\.json stands for"):
        import_labels(db, tmp_path / "a", "jsonl", quiet)
    beside(tmp_path / "a").unlink()
    assert import_labels(db, tmp_path / "a", "jsonl", quiet)[0] == Imported(stored=0, known=4)


def test_ids_of_another_tokenizer_become_this_loops(db: Database, tmp_path: Path, tokenizer: Tokenizer) -> None:
    begin(db, model__ref_policy="embedded")
    other = tokenizer_of("embedded")
    item = {"query": other.encode("A sad king"), "sample0": other.encode(" sat."), "sample1": other.encode(" ran.")}
    (tmp_path / "labels.json").write_text(json.dumps([{**item, "best": 1}]))
    begin(db)
    with pytest.raises(LoopError, match="name the tokenizer with --tokenizer"):
        import_labels(db, tmp_path / "labels.json", "openai", quiet)
    with pytest.raises(LoopError, match=r"tokenizer '.*none' cannot be read: .* name a folder that holds a tokenizer"):
        import_labels(db, tmp_path / "labels.json", "openai", quiet, tokenizer=str(tmp_path / "none"))
    import_labels(db, tmp_path / "labels.json", "openai", quiet, tokenizer="embedded")
    [found] = labels(db)
    assert (found.query.text, found.query.tokens) == ("A sad king", tokenizer.encode("A sad king"))
    assert [y.tokens for y in found.responses] == [tokenizer.encode(" sat."), tokenizer.encode(" ran.")]


def test_files_that_are_not_there_say_so(db: Database, tmp_path: Path) -> None:
    begin(db)
    with pytest.raises(LoopError, match=r"none/a cannot be written \(No such file or directory\)"):
        export_labels(db, tmp_path / "none" / "a", "jsonl", Selection(), quiet)
    with pytest.raises(LoopError, match="none is no file: name one that is there"):
        import_labels(db, tmp_path / "none", "jsonl", quiet)


def test_a_wrong_line_stores_nothing(db: Database, tmp_path: Path) -> None:
    begin(db)
    right, long = ({"prompt": "The", "chosen": " a", "rejected": f" {word}"} for word in ("b", "c" * 50))
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, (right, long))))
    with pytest.raises(LoopError, match=r"line 2: responses.1: \d+ tokens; 1 to 6 are possible"):
        import_labels(db, path, "trl", quiet)
    assert labels(db) == []
    assert import_labels(db, path, "trl", quiet, skip_unfit=True) == (Imported(stored=1, known=0), 1)
    assert import_labels(db, path, "trl", quiet, skip_unfit=True, labeler="joan")[0].stored == 1
    assert [label.labeler for label in labels(db)] == ["imported", "joan"]


def test_long_ones_say_how_far_they_are(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(db)
    add(db, [record(number) for number in range(5)])
    monkeypatch.setattr(exchange, "EVERY", 2)
    said: list[str] = []
    export_labels(db, tmp_path / "a", "jsonl", Selection(), said.append)
    import_labels(db, tmp_path / "a", "jsonl", said.append)
    assert said[:2] == ["2 of 5 labels exported", "4 of 5 labels exported"]
    assert said[2:] == ["2 of 5 labels read", "4 of 5 labels read"]


def test_the_commands(db: Database, database_url: str, tmp_path: Path, given: list[Record]) -> None:
    file = tmp_path / "a.jsonl"

    def prefloop(*arguments: str) -> str:
        environment = {"PREFLOOP_DATABASE_URL": database_url}
        done = CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    begin(db)
    add(db, given)
    chosen = ("--labeler", "ada", "--labeler", "grace", "--since", "2024-05-01", "--to-policy", "0")
    assert prefloop("export", str(file), *chosen) == f"{file}: 4 labels as 4 items of jsonl\n"
    found = Manifest.model_validate_json(beside(file).read_text())
    assert found.filters["since"] == "2024-05-01T00:00:00Z"
    begin(db, seed="2")
    assert prefloop("import", str(file), "--format", "jsonl") == (
        f"{file}: 4 labels stored, 0 there already, 0 left out\n"
    )
    assert kept(labels(db)) == [label for label in given if not label.retracted]
