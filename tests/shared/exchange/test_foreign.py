"""Files of others in their real schemas, and what is said of lines that are not."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain import LoopError
from shared.exchange import hh, jsonl, openai, parquet, summarize, trl
from shared.exchange.records import Record, parsed
from tests.shared.exchange.words import Bytes

Read = Callable[[Iterator[tuple[str, Any]]], Iterator[tuple[str, Record]]]
COMPARISON = {
    "info": {"id": "t3_1", "post": "My cat hides. \n\nWhat now?\n", "title": "Cat", "subreddit": "cats"},
    "summaries": [
        {"text": " cat hides, what now?", "policy": "sup1", "note": None},
        {"text": " My cat.", "policy": "ref", "note": "Unclear."},
    ],
    "choice": 1,
    "worker": "ikNm",
    "batch": "batch9",
    "split": "train",
    "extra": {"confidence": 8},
}
ARTICLE = {
    "info": {"id": "16", "site": "dailymail", "title": "Sent off", "article": "He was sent off."},
    "summaries": [{"text": "Off.", "policy": "lead", "note": ""}, {"text": "He went.", "policy": "ref", "note": ""}],
    "choice": 0,
    "worker": "qo6W",
    "batch": "cnndm0",
    "split": "test",
    "extra": {"confidence": None},
}
DIALOGUES = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A joke?\n\nAssistant: A horse walks in.",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A joke?\n\nAssistant: No.\n\nHuman: Do\n\nAssistant: OK",
}
EXPLICIT = {"prompt": "The sky is", "chosen": " blue.", "rejected": " green.", "score_chosen": 9.5}
CONVERSATION = {
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the sky?"}],
    "chosen": [{"role": "assistant", "content": "Blue."}],
    "rejected": [{"role": "assistant", "content": "Green."}],
}


def lines(path: Path, *rows: object) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def read(form: Read, path: Path) -> list[Record]:
    return [record for _, record in form(jsonl.rows(path))]


def said(record: Record) -> tuple[str, str, list[str]]:
    """The query, the chosen response and the others."""
    texts = [response.text for response in record.responses]
    assert record.best is not None
    return record.query.text, texts.pop(record.best), texts


def test_summarize_from_feedback(tmp_path: Path) -> None:
    one, other = read(summarize.read, lines(tmp_path / "batch9.json", COMPARISON, ARTICLE))
    assert said(one) == ("My cat hides. \n\nWhat now?", " My cat.", [" cat hides, what now?"])
    assert (one.best, one.labeler, one.created_at) == (1, "ikNm", None)
    assert said(other) == ("He was sent off.", "Off.", ["He went."])


def test_hh_rlhf_is_split_at_the_last_turn_that_both_begin(tmp_path: Path) -> None:
    [record] = read(hh.read, lines(tmp_path / "train.jsonl.gz", DIALOGUES))
    assert said(record) == (
        "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A joke?\n\nAssistant:",
        " A horse walks in.",
        [" No.\n\nHuman: Do\n\nAssistant: OK"],
    )


def test_trl_pairs_explicit_and_conversational(tmp_path: Path) -> None:
    one, other = read(trl.read, lines(tmp_path / "pairs.jsonl", EXPLICIT, CONVERSATION))
    assert said(one) == ("The sky is", " blue.", [" green."])
    query = "\n\nSystem: Be brief.\n\nHuman: What is the sky?\n\nAssistant:"
    assert said(other) == (query, " Blue.", [" Green."])


def test_where_the_better_one_of_a_pair_stands_does_not_say_so(tmp_path: Path) -> None:
    turned = {**EXPLICIT, "chosen": EXPLICIT["rejected"], "rejected": EXPLICIT["chosen"]}
    assert [record.best for record in read(trl.read, lines(tmp_path / "pairs.jsonl", EXPLICIT, turned))] == [0, 1]


def test_parquet_of_others(tmp_path: Path) -> None:
    pyarrow, pq = parquet._pyarrow()
    pq.write_table(pyarrow.Table.from_pylist([EXPLICIT]), tmp_path / "pairs.parquet")
    [(where, record)] = trl.read(parquet.rows(tmp_path / "pairs.parquet"))
    assert where == f"{tmp_path / 'pairs.parquet'}, row 1"
    assert said(record) == ("The sky is", " blue.", [" green."])


@pytest.mark.parametrize("pads", [0, 3])
def test_lm_human_preferences(tmp_path: Path, pads: int) -> None:
    """One array of rows of ids, which theirs pads on the right with an id beyond the vocabulary's."""
    pad = [50259] * pads

    def row(text: str) -> list[int]:
        return [*text.encode(), *pad]

    item = {"query": row("x"), "best": 2, "sample3": row("d"), "sample0": row("a"), "sample1": row("b")}
    item["sample2"] = row("c")
    (tmp_path / "offline_5k.json").write_text(json.dumps([item, {**item, "best": 0}]))
    one, other = (record for _, record in openai.read(tmp_path / "offline_5k.json", Bytes()))
    assert said(one) == ("x", "c", ["a", "b", "d"])
    assert (one.query.tokens, one.responses[3].tokens, other.best) == ((120,), (100,), 0)


def test_an_array_larger_than_what_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"a": ['[x,]"', n]} for n in range(20)]
    (tmp_path / "array.json").write_text(json.dumps(items, indent=1))
    for chunk in (1, 7, 64):
        monkeypatch.setattr(openai, "CHUNK", chunk)
        assert list(openai.items(tmp_path / "array.json")) == items
    (tmp_path / "array.json").write_text(" [ ] ")
    assert list(openai.items(tmp_path / "array.json")) == []


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def as_records(rows: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Record]]:
    return ((where, parsed(Record, row, where)) for where, row in rows)


RECORD: dict[str, Any] = {"query": {"text": "x"}, "responses": [{"text": "a"}, {"text": "b"}], "best": 1}
RIGHT: dict[Read, Any] = {
    summarize.read: COMPARISON,
    hh.read: DIALOGUES,
    trl.read: EXPLICIT,
    as_records: RECORD,
}


@pytest.mark.parametrize(
    ("form", "row", "message"),
    [
        (summarize.read, {**COMPARISON, "choice": "1"}, "choice: Input should be a valid integer (got '1')"),
        (summarize.read, {**COMPARISON, "choice": 2}, "choice: none of the summaries, 0 to 1 (got 2)"),
        (summarize.read, {**COMPARISON, "info": {"id": "1"}}, "info: neither a post nor an article (got {'id': '1'})"),
        (summarize.read, without(COMPARISON, "summaries"), "summaries: Field required"),
        (hh.read, {"chosen": "Hello", "rejected": "Hi"}, r"chosen: no '\n\nAssistant:' that `rejected` has"),
        (trl.read, without(EXPLICIT, "prompt"), "prompt: Field required"),
        (trl.read, {**CONVERSATION, "prompt": "What?"}, "either three texts or three lists of messages"),
        (trl.read, {**CONVERSATION, "chosen": CONVERSATION["prompt"]}, "chosen: a response begins with a message"),
        (as_records, {**RECORD, "bset": 1}, "bset: Extra inputs are not permitted (got 1)"),
        (as_records, {**RECORD, "best": 2}, "best 2 is none of the responses, 0 to 1"),
        (as_records, {**RECORD, "rating": 3}, "exactly one of best, rating and none_acceptable"),
        (as_records, {**RECORD, "best": True}, "best: Input should be a valid integer (got True)"),
        (as_records, {**RECORD, "query": {"text": "\ud800"}}, "the line: no JSON of text: 'utf-8' codec can't"),
        (as_records, {**RECORD, "seconds": float("nan")}, "seconds: Input should be a finite number (got nan)"),
        (as_records, [1], "the record: Input should be a valid dictionary or instance of Record (got [1])"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_with_field_and_value(tmp_path: Path, form: Read, row: Any, message: str) -> None:
    path = lines(tmp_path / "file.jsonl", RIGHT[form], row)
    with pytest.raises(LoopError) as error:
        read(form, path)
    assert str(error.value).startswith(f"{path}, line 2: ")
    assert message in str(error.value)
    assert "mend the file or take this one out of it" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"query": [1]}', "the file: no JSON array"),
        ('[{"query": [1], "sample0": [2], "sample1": [3], "best": 0}, {"que', "item 2: the item: no JSON, or cut off"),
        ('[{"query": [1], "sample0": [2], "best": 0}]', "item 1: samples: Tuple should have at least 2 items"),
        ('[{"query": [1], "sample0": [2], "sample1": [3], "best": 2}]', "item 1: best: none of the samples, 0 to 1"),
        ('[{"query": [1, 999, 1], "sample0": [2], "sample1": [3], "best": 0}]', "query: no id of the tokenizer"),
        ('[{"query": [1], "sample0": [-2], "sample1": [3], "best": 0}]', "sample0: no id of the tokenizer"),
    ],
)
def test_a_wrong_item_of_ids_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(LoopError) as error:
        list(openai.read(tmp_path / "labels.json", Bytes()))
    assert message in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"\x1f\x8bnot packed"])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: bytes) -> None:
    for name, rows in (("a.jsonl", jsonl.rows), ("a.jsonl.gz", jsonl.rows), ("a.parquet", parquet.rows)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LoopError, match=str(tmp_path / name)):
            list(rows(tmp_path / name))
