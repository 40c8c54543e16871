"""TL;DR and CNN/DM on small files in the data sets' real schemas."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shared.domain import LoopError
from shared.settings import TaskSettings
from shared.tasks import cnndm, tldr
from shared.tasks.registry import load_task
from shared.tasks.summarization import shortened
from tests.models import tiny_model
from tests.shared.tasks.words import Characters, Words

POST = "My cat {i} sits on my keyboard.\n\n\n\nEvery day, all day long.\nWhat can I do?  "
CNN = (
    "LONDON, England (CNN) -- Harry Potter star number {i} turned 18 on Monday. He says he won’t be reckless. "
    "Mr. Radcliffe has no plans at all to buy fast cars."
)
MAIL = (
    "By . Daily Mail Reporter . PUBLISHED: . 11:32 EST, 25 May 2012 . | . UPDATED: . 12:01 EST, 26 May 2012 . "
    "A bishop said number {i}. It was late."
)


def posts(folder: Path, n: int = 40) -> TaskSettings:
    file = folder / "train.jsonl"
    keys = ("id", "subreddit", "title", "post", "summary")
    rows = [(f"t3_{i}", "relationships", f"Cat {i}", POST.format(i=i), f" Cat {i} sits. ") for i in range(n)]
    file.write_text("".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows))
    return TaskSettings(name="tldr", queries=str(file), query_tokens=500)


def articles(folder: Path, n: int = 40) -> TaskSettings:
    file = folder / "train.parquet"
    texts = [(CNN if i % 2 else MAIL).format(i=i) for i in range(n)]
    highlights = [f"Star {i} gets £20M fortune .\nHe has no plans ." for i in range(n)]
    ids = [f"{i:040x}" for i in range(n)]
    parquet.write_table(pa.table({"article": texts, "highlights": highlights, "id": ids}), file)
    return TaskSettings(name="cnndm", queries=str(file), query_tokens=500)


def test_a_post_is_its_body_alone(tmp_path: Path) -> None:
    task = load_task(posts(tmp_path), Words())
    found = [*(task.query(i) for i in range(30)), *task.evaluation(10)]
    expected = {
        (f"My cat {i} sits on my keyboard.\n\nEvery day, all day long.\nWhat can I do?", f"Cat {i} sits.")
        for i in range(40)
    }
    assert {(query.text, query.reference) for query in found} == expected
    assert len(task.evaluation(100)) == 10
    assert all(query.reference for query in task.evaluation(10))
    assert task.query(30) == task.query(0)


def test_policies_read_a_prefix_and_a_suffix_that_people_and_r_do_not(tmp_path: Path) -> None:
    task = load_task(posts(tmp_path), Characters())
    query = task.query(0)
    assert task.context(query.tokens) == Characters().encode(query.text + "\n\nTL;DR:")
    assert task.context_tokens == 500 + 8
    task = load_task(articles(tmp_path), Characters())
    query = task.query(0)
    assert task.context(query.tokens) == Characters().encode("Article:\n\n" + query.text + "\n\nTL;DR:")
    assert task.context_tokens == 10 + 500 + 8


def test_an_article_loses_its_dateline(tmp_path: Path) -> None:
    task = load_task(articles(tmp_path), Words())
    found = {query.text: query.reference for query in [*(task.query(i) for i in range(30)), *task.evaluation(10)]}
    harry = (
        "Harry Potter star number 1 turned 18 on Monday. He says he won't be reckless. "
        "Mr. Radcliffe has no plans at all to buy fast cars."
    )
    assert found[harry] == "Star 1 gets £20M fortune .\nHe has no plans ."
    assert "A bishop said number 0. It was late." in found
    assert len(found) == 40


@pytest.mark.parametrize(
    ("article", "expected"),
    [
        ("(CNN)The court ruled.", "The court ruled."),
        ("PARIS, France (CNN)  -- The court ruled.", "The court ruled."),
        ("x" * 200 + " (CNN) -- stays", "x" * 200 + " (CNN) -- stays"),
        ("One.\n\n\n\nTwo.\nThree. ", "One.\n\nTwo.\nThree."),
        ("By the way, nothing was UPDATED: really.", "By the way, nothing was UPDATED: really."),
    ],
)
def test_what_is_left_of_an_article(article: str, expected: str) -> None:
    assert cnndm.clean(article) == expected


def test_queries_are_cut_to_fit(tmp_path: Path) -> None:
    settings = posts(tmp_path).model_copy(update={"query_tokens": 9})  # the post has 16 words
    assert task_text(settings, 0).endswith("sits on my keyboard.\n\nEvery day,")
    settings = articles(tmp_path).model_copy(update={"query_tokens": 16})  # 10 + 6 words, then Mr. Radcliffe
    assert {task_text(settings, i).partition(". ")[2] for i in range(30)} == {
        "It was late.",
        "He says he won't be reckless.",
    }


def task_text(settings: TaskSettings, position: int) -> str:
    query = load_task(settings, Words()).query(position)
    assert 0 < len(query.tokens) <= settings.query_tokens
    assert query.tokens == Words().encode(query.text)
    return query.text


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("One two.\n\nThree four. Five", 20, "One two.\n\n"),  # the line first, as in the released code
        ("One two. Three four. Five", 24, "One two. Three four."),
        ("One two. Three four. Five", 20, "One two. Three four."),
        ("One two. Three four. Five", 19, "One two."),
        ("One two. Three", 7, "One"),
        ("One two. Three", 2, "On"),
        ("One two.", 8, "One two."),
        ("One two.", 0, ""),
    ],
)
def test_an_article_ends_with_a_line_or_a_sentence_or_a_word(text: str, longest: int, expected: str) -> None:
    assert shortened(text, lambda start: len(start) <= longest, cnndm.FORM.ends) == expected


def test_with_a_real_tokenizer(tmp_path: Path) -> None:
    """Byte pairs are fewer than characters: the longest start that fits, and not one word less."""
    from shared.language.policy import import_policy

    tokenizer = import_policy(str(tiny_model())).tokenizer
    settings = posts(tmp_path).model_copy(update={"query_tokens": 20})
    query = load_task(settings, tokenizer).query(0)
    whole = tldr.clean(POST.format(i=query.text.split()[2]))
    assert whole.startswith(query.text)
    more = query.text + whole[len(query.text) :].partition(" ")[0] + " "
    assert len(query.tokens) <= 20 < len(tokenizer.encode(more + whole[len(more) :].split()[0]))


def test_no_data_set_is_an_error_that_names_one() -> None:
    with pytest.raises(LoopError, match=r"task\.queries: cnndm has no texts .*datasets:abisee/cnn_dailymail:3\.0\.0"):
        load_task(TaskSettings(name="cnndm"), Words())


def test_too_few_or_other_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="has 5 texts: too few queries"):
        load_task(posts(tmp_path, n=5), Words())
    wrong = posts(tmp_path).model_copy(update={"name": "cnndm"})
    with pytest.raises(LoopError, match=r"line 1: expected \{\"article\": "):
        load_task(wrong, Words())
    assert load_task(wrong.model_copy(update={"column": "title"}), Words()).query(0).text.startswith("Cat ")
