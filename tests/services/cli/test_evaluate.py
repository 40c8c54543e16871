"""Figures from pairs written by hand, and from tiny models on a small TL;DR file."""

import json
from pathlib import Path

import pytest

from services.cli.evaluate import style, summaries, table
from services.cli.known_reward import known_reward
from shared.language.policy import import_policy
from shared.settings import Settings, TaskSettings
from shared.tasks.registry import load_task
from shared.training.evaluate import Pair, compare_policies
from tests.models import STORIES, tiny_model

SOURCE = "The cat sat on the mat. It was warm. He left. Nobody knew."
HEAD = {"name": "run", "policy_version": 3, "queries": 2, "kl": 1.5, "kl_interval": (1.0, 2.0)}
PAIRS = [
    Pair(SOURCE, "The cat sat on the mat.", "A dog ran.", kl=1.0, reference="A dog ran."),
    Pair(SOURCE, "It was warm.", "He left.", kl=2.0, reference=None),
]


def test_summaries_of_each_by_hand() -> None:
    found = summaries(PAIRS)["summaries"]
    assert list(found) == ["ref_policy", "policy", "lead_3", "reference"]
    assert [found[name]["novel_sentences"] for name in found] == [0, 0.5, 0, 1]
    assert found["policy"]["rouge"] == pytest.approx({"rouge1": 1, "rouge2": 1, "rougeL": 1})
    assert found["ref_policy"]["rouge"]["rouge1"] == 0
    assert [found[name]["words"] for name in found] == [4.5, 2.5, 11, 3]
    text = table({**HEAD, "task": "tldr", **summaries(PAIRS)})
    assert text.splitlines() == [
        "run: policy 3 beside ρ on 2 held-out queries of tldr",
        "KL 1.50 nats a response [1.00, 2.00]",
        "                          ρ          π     lead-3  reference",
        "ROUGE-1 F1             0.0%     100.0%       0.0%          -",
        "ROUGE-2 F1             0.0%     100.0%       0.0%          -",
        "ROUGE-L F1             0.0%     100.0%       0.0%          -",
        "novel sentences        0.0%      50.0%       0.0%     100.0%",
        "novel 1-grams          0.0%      60.0%       0.0%     100.0%",
        "novel 2-grams          0.0%      66.7%       0.0%     100.0%",
        "novel 3-grams          0.0%     100.0%       0.0%     100.0%",
        "novel 4-grams          0.0%          -       0.0%          -",
        "words                   4.5        2.5       11.0        3.0",
    ]


def test_without_references_there_is_no_rouge() -> None:
    found = summaries([PAIRS[1]])["summaries"]
    assert list(found) == ["ref_policy", "policy", "lead_3"]
    assert found["policy"]["rouge"] is None


def test_style_by_the_known_reward() -> None:
    pairs = [Pair("x", "It was good.", "It was terrible.", 1.0, None), Pair("x", "It was.", "It was good.", 2.0, None)]
    found = style(pairs)
    assert found["win_rate"] == 0.5
    good, bad = known_reward("It was good."), known_reward("It was terrible.")
    assert found["known_reward"]["ref_policy"]["mean"] == pytest.approx(good / 2)
    assert found["known_reward"]["policy"]["mean"] == pytest.approx((good + bad) / 2)
    text = table({**HEAD, "task": "sentiment", **found})
    assert "π's known reward is the higher: 50.0% [" in text
    assert f"known reward of ρ: {good / 2:+.3f} [" in text


def test_policies_are_compared_on_what_they_read(tmp_path: Path) -> None:
    """ρ against itself: KL 0. Against another: of its answers to the query with its suffix, as `policy` counts it."""
    rows = [{"post": f"{story} It was day {i}.", "summary": f"Day {i}."} for i, story in enumerate(STORIES * 6)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = TaskSettings(
        name="tldr", queries=str(tmp_path / "posts.jsonl"), query_tokens=24, response_tokens=6, truncate_after=0
    )
    settings = Settings(task=asked)
    ref_policy, policy = (import_policy(str(tiny_model("llama", seed))) for seed in (0, 1))
    task = load_task(asked, policy.tokenizer)
    same = compare_policies(ref_policy, ref_policy, task, settings, n=5)
    assert [pair.kl for pair in same] == pytest.approx([0] * 5, abs=1e-5)
    assert all(pair.reference is not None and pair.reference.startswith("Day ") for pair in same)
    assert all(rows_of(pair.query, rows) for pair in same)
    other = compare_policies(policy, ref_policy, task, settings, n=5)
    assert sum(pair.kl for pair in other) > 1
    assert [pair.ref_response for pair in other] == [pair.ref_response for pair in same]


def rows_of(query: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["post"].startswith(query)]
