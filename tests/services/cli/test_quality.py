"""`quality`, `gold`, `retract` and `lineage` on a store as people leave it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from shared.domain import ActionKind, Answer, LoopError
from shared.settings import LabelSettings, Settings
from shared.store import accounts, actions, answers, loop
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, label, sql, take

Prefloop = Callable[..., str]
GOLD = {"query": "gold", "responses": ["bad", "good", "worse", "worst"], "best": 1}


@pytest.fixture
def prefloop(db: Database, database_url: str) -> Prefloop:
    """The command on a loop that ada gave three labels and ben two, of which policy 1 learnt; what it prints."""
    loop.start(db, Settings())
    add_policy(db)
    add_queries(db, range(3), wanted=2)
    for name, count in (("ada", 3), ("ben", 2)):
        person = add_person(db, name)
        assert [label(db, person) for _ in range(count)]
    add_reward(db, 1, watermark=4)
    add_policy(db, 1, reward_version=1)

    def run(*arguments: str | Path) -> str:
        env = {"PREFLOOP_DATABASE_URL": database_url, "USER": "root"}
        found = CliRunner().invoke(cli, list(map(str, arguments)), env=env)
        if found.exception is not None:
            raise found.exception
        return found.output

    return run


def row(text: str, name: str) -> list[str]:
    """Of the line that begins with a name, what stands in its columns."""
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return [cell.strip() for cell in line.split("  ") if cell]


def test_quality(prefloop: Prefloop, db: Database) -> None:
    sql(db, "UPDATE labels SET best = 0, created_at = '2026-03-01 12:00Z'")
    sql(db, "UPDATE labels SET best = 1 WHERE id = 1")
    accounts.pause(db, "ben", "guesses")
    text = prefloop("quality")
    assert "labels           5, 0 queries skipped" in text
    assert "gold             nobody answered" in text
    assert "agreement        training, 4 responses: alpha 0.000, pairs agree: 50.0 % (9 to 91) of 2 queries" in text
    assert row(text, "ben") == [
        *("ben", "2", "0", "0", "0.0 %", "0.0 %", "2.0", "50.0 % (9 to 91) of 2"),
        *("undefined", "undefined", "guesses"),
    ]
    assert row(text, "2026-03-01") == ["2026-03-01 12:00", "5", "2.0", "50.0 % (9 to 91) of 2", "undefined"]
    data = json.loads(prefloop("quality", "--json"))
    assert data["overall"]["agreement"]["of"] == 2
    assert data["overall"]["gold"] is None
    assert "labels           0," in prefloop("quality", "--since", "2026-03-01T12:00:01")
    assert "labels           5," in prefloop("quality", "--until", "2026-03-02")


def test_gold(prefloop: Prefloop, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(f"{json.dumps(GOLD)}\n\n{json.dumps(GOLD)}\n")
    assert prefloop("gold", "add", file) == "2 gold queries added: 4 to 5\n"
    cleo = add_person(db, "cleo")
    lease = take(db, cleo, LabelSettings(gold_share=1))
    answers.answer(db, cleo, lease.id, Answer(position=lease.texts.index("good")), seconds=1)
    assert prefloop("gold", "promote", "1", "3") == "gold query 6 is a copy of query 1\n"
    prefloop("gold", "retire", "5")
    first, second, third = prefloop("gold", "list").split("\n  ")[:3]
    assert first.startswith("4: 100.0 % (21 to 100) of 1 right")
    assert second.endswith("5 (retired): nobody answered")
    assert third.endswith("6: nobody answered")
    assert [asked["query"]["answer"] for asked in json.loads(prefloop("gold", "list", "--json"))] == [1, 1, 3]


def test_a_file_that_is_no_gold_is_refused_by_line_and_nothing_stored(prefloop: Prefloop, tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    for line, words in (
        ('{"query": "q"}', "line 2: responses: Field required"),
        ("not JSON", "line 2: the line: Invalid JSON"),
        (json.dumps(GOLD | {"better": 1}), "line 2: better: Extra inputs"),
        (json.dumps(GOLD | {"best": None, "rating": 1}), "line 2: give `best` and no other answer for 4"),
        (json.dumps(GOLD | {"best": 4}), "the known answer does not fit"),
        (json.dumps(GOLD | {"responses": ["a", "b"]}), "give it 4"),
    ):
        file.write_text(f"{json.dumps(GOLD)}\n{line}\n")
        with pytest.raises(LoopError, match=words):
            prefloop("gold", "add", file)
    file.write_text("")
    with pytest.raises(LoopError, match="holds no line"):
        prefloop("gold", "add", file)
    assert prefloop("gold", "list") == ""


def test_retract_and_lineage(prefloop: Prefloop, db: Database) -> None:
    tried = prefloop("retract", "--labeler", "ben", "--reason", "guesses", "--dry-run")
    assert tried == "2 labels would be taken back: ben 2\n"
    made = prefloop("retract", "--labeler", "ben", "--reason", "guesses")  # the try had a number too
    moved = "r1 (published) learnt from 1 labels: ben 1; 1 of them taken back since\nπ1 comes from π0 by r1\n"
    assert made == (
        f"retraction 2: 2 labels are taken back: ben 2\nthey had moved\n{moved}"
        "the next reward training leaves them out: at 480 labels, of which 3 are there\n"
    )
    assert sql(db, "SELECT by, reason FROM retractions") == [("root", "guesses")]
    assert prefloop("lineage", "labeler", "ben") == prefloop("lineage", "retraction", "2") == moved
    assert prefloop("lineage", "label", "5") == "no reward and no policy version\n"
    every = prefloop("lineage")
    assert every == (
        "r1 (published) learnt from 4 labels: ada 3, ben 1; 1 of them taken back since\n"
        "π0 is the reference policy\nπ1 comes from π0 by r1\n"
    )
    assert prefloop("lineage", "policy", "1") == every
    assert json.loads(prefloop("lineage", "reward", "1", "--json")) == {
        "rewards": [
            {
                "version": 1, "status": "published", "reason": "sound", "labels": {"ada": 3, "ben": 1}, "retracted": 1,
                "verdict": [],
            }
        ],
        "policies": [{"version": 1, "parent": 0, "reward_version": 1, "abandoned": False}],
    }  # fmt: skip
    detail = {"policy": 0, "reward": None, "last_policy": 1, "last_reward": 1}
    with db.transaction() as session:
        actions.note(session, ActionKind.ROLLBACK, by="root", reason="worse", detail=detail)
    assert prefloop("lineage", "reward", "1").endswith("π1 comes from π0 by r1; abandoned by a rollback\n")
    for which, words in (((), "of which"), (("one",), "expected a number")):
        with pytest.raises(LoopError, match=words):
            prefloop("lineage", "reward", *which)


def test_where_no_training_is_left_it_says_so(prefloop: Prefloop, db: Database) -> None:
    for version in range(2, 7):
        add_reward(db, version)
    assert "r has had all its trainings" in prefloop("retract", "--label", "5", "--reason", "odd")
