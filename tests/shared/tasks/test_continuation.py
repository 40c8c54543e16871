import json
from pathlib import Path

import pytest

from shared.domain import LoopError
from shared.settings import TaskSettings
from shared.tasks.continuation import load_task


class Words:
    """A tokenizer for tests: a token a word."""

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(len(word) for word in text.split())


def written(folder: Path, texts: list[str]) -> TaskSettings:
    file = folder / "queries.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return TaskSettings(queries=file, query_tokens=4)


def test_queries_go_round_and_evaluation_is_apart(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(100)]
    task = load_task(written(tmp_path, texts), Words())
    aside = task.evaluation(512)
    assert len(aside) == 25  # a quarter of so few
    asked = [task.query(position) for position in range(75)]
    assert asked[0] == (asked[0][0], Words().encode(asked[0][0]))
    assert {text for text, _ in asked} | {text for text, _ in aside} == set(texts)
    assert not {text for text, _ in asked} & {text for text, _ in aside}
    assert task.query(75) == asked[0]
    assert task.evaluation(3) == aside[:3]


def test_the_order_depends_on_the_texts_alone(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(100)]
    one = load_task(written(tmp_path, texts), Words())
    two = load_task(written(tmp_path, [*reversed(texts), *texts]), Words())  # repeated lines are one query
    assert [one.query(i) for i in range(100)] == [two.query(i) for i in range(100)]
    assert [one.query(i)[0] for i in range(75)] != sorted(one.query(i)[0] for i in range(75))


def test_long_queries_are_left_out(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(30)] + [f"It was not the day {i}." for i in range(30)]
    task = load_task(written(tmp_path, texts), Words())
    assert all(len(tokens) == 4 for _, tokens in [task.query(i) for i in range(30)] + task.evaluation(30))


def test_a_text_may_hold_whatever_json_may(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text(
        "".join(f'{{"text": "day\u2028{i}\x85"}}\n' for i in range(32)), encoding="utf-8"
    )
    task = load_task(TaskSettings(queries=tmp_path / "queries.jsonl"), Words())
    assert {task.query(i)[0] for i in range(24)} <= {f"day\u2028{i}" for i in range(32)}


def test_a_task_without_queries_is_an_error(tmp_path: Path) -> None:
    for texts in ([], ["A query that is far too long."] * 50, ["It was day one."]):
        with pytest.raises(LoopError, match=r"task.queries .*too few queries"):
            load_task(written(tmp_path, texts), Words())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match=r"none\.jsonl cannot be read"):
        load_task(TaskSettings(queries=tmp_path / "none.jsonl"), Words())
    settings = written(tmp_path, ["fine"])
    for line in ("not json", "[]", '{"text": 3}', '{"query": "x"}', r'{"text": "a\u0000b"}', r'{"text": "\ud800"}'):
        (tmp_path / "queries.jsonl").write_text('{"text": "fine"}\n' + line + "\n")
        with pytest.raises(LoopError, match=r"queries.jsonl, line 2: expected"):
            load_task(settings, Words())
