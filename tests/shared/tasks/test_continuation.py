import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from shared.domain import LoopError
from shared.settings import TaskSettings
from shared.tasks.continuation import excerpts
from shared.tasks.registry import load_task
from tests.shared.tasks.words import Words


def written(folder: Path, texts: Iterable[str]) -> TaskSettings:
    file = folder / "queries.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return TaskSettings(queries=str(file), query_tokens=4)


def test_queries_go_round_and_evaluation_is_apart(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(100)]
    task = load_task(written(tmp_path, texts), Words())
    aside = task.evaluation(512)
    assert len(aside) == 25  # a quarter of so few
    asked = [task.query(position) for position in range(75)]
    assert asked[0] == (asked[0].text, Words().encode(asked[0].text), None)
    assert {query.text for query in asked} | {query.text for query in aside} == set(texts)
    assert not {query.text for query in asked} & {query.text for query in aside}
    assert task.query(75) == asked[0]
    assert task.evaluation(3) == aside[:3]


def test_policy_and_reward_model_read_the_same(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, [f"It was day {i}." for i in range(30)]), Words())
    assert task.context((1, 2, 3)) == (1, 2, 3)
    assert task.context_tokens == 4


def test_the_order_depends_on_the_texts_alone(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(100)]
    one = load_task(written(tmp_path, texts), Words())
    two = load_task(written(tmp_path, [*reversed(texts), *texts]), Words())  # repeated lines are one query
    assert [one.query(i) for i in range(100)] == [two.query(i) for i in range(100)]
    assert [one.query(i)[0] for i in range(75)] != sorted(one.query(i)[0] for i in range(75))


def test_long_queries_are_left_out(tmp_path: Path) -> None:
    texts = [f"It was day {i}." for i in range(30)] + [f"It was not the day {i}." for i in range(30)]
    task = load_task(written(tmp_path, texts), Words())
    assert all(len(query.tokens) == 4 for query in [task.query(i) for i in range(30)] + task.evaluation(30))


BOOK = """CHAPTER I
Mr. Fox ran. He ran
far. Was he tired? He was. Nobody ever knew how tired he really was that day. He slept. The end"""


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (4, ["He ran far.", "He slept."]),  # "Was he tired? He was." has five words
        (5, ["He ran far.", "Was he tired? He was.", "He slept."]),
        (8, ["He ran far. Was he tired? He was.", "He slept."]),
        (12, ["He ran far. Was he tired? He was.", "Nobody ever knew how tired he really was that day. He slept."]),
        (50, [BOOK]),  # what fits whole stays as it is
    ],
)
def test_a_book_is_cut_into_excerpts_from_period_to_period(longest: int, expected: list[str]) -> None:
    assert list(excerpts(BOOK, fits=lambda text: len(text.split()) <= longest)) == expected


def test_a_text_file_is_a_book(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Preface. " + " ".join(f"It was\nday {i}." for i in range(40)) + " And so")
    task = load_task(TaskSettings(queries=str(tmp_path / "book.txt"), query_tokens=7), Words())
    asked = {task.query(i).text for i in range(30)} | {query.text for query in task.evaluation(10)}
    assert asked == {f"It was day {i}." for i in range(40)}


def test_a_text_may_hold_whatever_json_may(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text(
        "".join(f'{{"text": "day\u2028{i}\x85"}}\n' for i in range(32)), encoding="utf-8"
    )
    task = load_task(TaskSettings(queries=str(tmp_path / "queries.jsonl")), Words())
    assert {task.query(i)[0] for i in range(24)} <= {f"day\u2028{i}" for i in range(32)}


def test_a_task_without_queries_is_an_error(tmp_path: Path) -> None:
    for texts in ([], ["A query that is far too long."] * 50, ["It was day one."]):
        with pytest.raises(LoopError, match=r"task.queries .*too few queries"):
            load_task(written(tmp_path, texts), Words())


def test_the_openings_in_the_package_are_the_default() -> None:
    assert len(load_task(TaskSettings(), Words()).evaluation(1000)) == 512
