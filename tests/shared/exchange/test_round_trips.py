"""What a format writes it reads again, whatever the texts are."""

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import Flag, LoopError, Purpose
from shared.exchange import jsonl, openai, parquet, trl
from shared.exchange.records import Passage, Record, Written, parsed
from tests.shared.exchange.words import Bytes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["🙂 'ß' \"\\\n\r\t", "\u2028\u2029\x85", "\0", "a,b\n{}[]", "null", ""]
)
TOKENS = st.lists(st.integers(0, 255), min_size=1, max_size=6).map(tuple)
PASSAGES = st.builds(Passage, text=TEXTS, tokens=TOKENS)
VERSIONS = st.none() | st.integers(0, 9)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@st.composite
def records(draw: st.DrawFn, choices: bool = False) -> Record:
    """Any label there may be; `choices`: only of the best of four."""
    kind = "best" if choices else draw(st.sampled_from(["best", "rating", "none_acceptable"]))
    n = 4 if choices else draw(st.integers(1, 8))
    responses = st.lists(st.builds(Written, text=TEXTS, tokens=TOKENS, policy_version=VERSIONS), min_size=n, max_size=n)
    answers: dict[str, Any] = {
        "best": st.integers(0, n - 1),
        "rating": st.integers(1, 7),
        "none_acceptable": st.just(True),
    }
    return Record(
        label_id=draw(st.none() | st.integers(1, 2**62)),
        query_position=draw(st.none() | st.integers(-(2**31), 2**31 - 1)),
        policy_version=draw(VERSIONS),
        purpose=draw(st.sampled_from(Purpose)),
        query=draw(PASSAGES),
        responses=tuple(draw(responses)),
        shown=draw(st.none() | st.integers(0, n - 1)) if kind == "best" else None,
        flag=draw(st.none() | st.sampled_from(Flag)),
        critique=draw(st.none() | TEXTS),
        seconds=draw(st.none() | st.floats(0, 1e6)),
        labeler=draw(st.none() | TEXTS.filter(bool)),
        retracted=draw(st.booleans()),
        created_at=draw(st.none() | MOMENTS),
        **{kind: draw(answers[kind])},
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), max_size=4))
@pytest.mark.parametrize("form", [jsonl, parquet], ids=["jsonl", "parquet"])
def test_all_of_a_label(form: Any, written: list[Record]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels"
        assert form.write(iter(written), path) == len(written)
        assert [parsed(Record, row, where) for where, row in form.rows(path)] == written


@settings(max_examples=60, deadline=None)
@given(st.lists(records(choices=True), max_size=4))
def test_the_token_ids_of_a_label(written: list[Record]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.json"
        count = openai.write(iter(written), path, pad_id=Bytes.pad_id, query_tokens=8, response_tokens=8)
        assert count == len(written)
        items = json.loads(path.read_text())
        assert all(len(ids) == 8 for item in items for name, ids in item.items() if name != "best")
        read = [record for _, record in openai.read(path, Bytes())]
    assert [(one.query.tokens, one.best) for one in read] == [(one.query.tokens, one.best) for one in written]
    for one, other in zip(read, written, strict=True):
        assert [y.tokens for y in one.responses] == [y.tokens for y in other.responses]


@settings(max_examples=60, deadline=None)
@given(records(choices=True))
def test_a_best_of_four_as_pairs(written: Record) -> None:
    pairs = [record for _, record in trl.read([("a line", pair.model_dump()) for pair in trl.pairs([written])])]
    assert len(pairs) == 3
    assert written.best is not None
    texts = [response.text for response in written.responses]
    chosen = texts.pop(written.best)
    for pair, rejected in zip(pairs, texts, strict=True):
        assert pair.best is not None
        assert pair.query.text == written.query.text
        assert pair.responses[pair.best].text == chosen
        assert {response.text for response in pair.responses} == {chosen, rejected}


ONE = Record(label_id=7, query=Passage(text="x", tokens=(1,)), responses=(Written(text="a", tokens=(2,)),) * 4, best=0)


def test_none_acceptable_makes_no_pair_and_no_item(tmp_path: Path) -> None:
    none = ONE.model_copy(update={"best": None, "none_acceptable": True})
    assert list(trl.pairs([none])) == []
    assert openai.write([none], tmp_path / "a", pad_id=0, query_tokens=1, response_tokens=1) == 0
    assert json.loads((tmp_path / "a").read_text()) == []


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    rating = ONE.model_copy(update={"best": None, "rating": 3})
    pair = ONE.model_copy(update={"responses": ONE.responses[:2]})
    with pytest.raises(LoopError, match="label 7 is a rating of one response, and TRL's form holds pairs"):
        list(trl.pairs([rating]))
    for other in (rating, pair):
        with pytest.raises(LoopError, match="label 7 is no choice of 4 responses"):
            openai.write([ONE, other], tmp_path / "a", pad_id=0, query_tokens=1, response_tokens=1)


def test_parquet_is_written_in_groups_that_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 3)
    assert parquet.write(iter([ONE] * 7), tmp_path / "labels") == 7
    _, pq = parquet._pyarrow()
    assert pq.ParquetFile(tmp_path / "labels").num_row_groups == 3
    assert [parsed(Record, row, where) for where, row in parquet.rows(tmp_path / "labels")] == [ONE] * 7
