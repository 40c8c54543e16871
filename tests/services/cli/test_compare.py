"""`compare`, `comparisons` and `leaderboard` from tiny policies to what people said of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.compare import read_references
from services.cli.main import cli
from services.cli.standings import comparison_lines, leaderboard_lines
from shared.checkpoints import Checkpoints
from shared.domain import LoopError, Purpose, TaskName
from shared.language.policy import import_policy, save_policy
from shared.messages import PublishReference
from shared.quality.leaderboard import Contest, leaderboard
from shared.settings import LabelSettings, to_environment
from shared.store import comparisons
from shared.store.database import Database
from shared.tasks.registry import load_task
from tests.models import STORIES, tiny_model
from tests.services.test_workers import Loop, started
from tests.shared.store.rows import add_person, add_policy, answer, ask, sql

FIRST = LabelSettings(comparison_share=1.0, gold_share=0.0)
Prefloop = Callable[..., str]


def prefloop(loop: Loop) -> Prefloop:
    """The command on this loop; what it prints."""

    def run(*arguments: str | Path) -> str:
        found = CliRunner().invoke(cli, list(map(str, arguments)), env=to_environment(loop.settings))
        if found.exception is not None:
            raise found.exception
        return found.output

    return run


def with_two_policies(db: Database, url: str, folder: Path) -> Loop:
    """Of two tiny models that both say the truncate token now and then."""
    loop = started(db, url, folder)
    said = {"response_tokens": 12, "truncate_token": "\x1c", "truncate_after": 4}
    loop = Loop(loop.settings.model_copy(update={"task": loop.settings.task.model_copy(update=said)}), db)
    loop.do(PublishReference())
    other = import_policy(str(tiny_model(seed=2)))
    made = Checkpoints(folder).publish("policy", 1, 1, lambda at: save_policy(other, at), {})
    add_policy(db, 1)
    sql(db, "UPDATE policies SET path = :path, sha256 = :sha256 WHERE version = 1", path=made.path, sha256=made.sha256)
    return loop


def prefer(db: Database, *, version: int | None) -> int:
    """Answer all comparisons for what `version` wrote, None: the reference texts. Returns how many."""
    ada, given = add_person(db, f"for {version}"), 0
    while (lease := ask(db, ada, FIRST)) and lease.purpose is Purpose.COMPARISON:
        [(best,)] = sql(
            db,
            "SELECT index FROM responses JOIN leases USING (query_id) "
            "WHERE leases.id = :id AND policy_version IS NOT DISTINCT FROM :version",
            id=lease.id,
            version=version,
        )
        [(shown,)] = sql(db, "SELECT shown FROM leases WHERE id = :id", id=lease.id)
        answer(db, ada, lease, shown.index(best))
        given += 1
    return given


def test_from_the_policies_to_the_leaderboard(db: Database, database_url: str, tmp_path: Path) -> None:
    loop = with_two_policies(db, database_url, tmp_path)
    run = prefloop(loop)
    assert run("compare", "1", "0", "--queries", "12") == (
        "comparison 1: 12 questions to ask; `prefloop comparisons` says how it stands\n"
    )
    written = sql(db, "SELECT index, policy_version FROM responses ORDER BY query_id, index")
    assert written == [(0, 1), (1, 0)] * 12
    task = load_task(loop.settings.task, import_policy(str(tiny_model())).tokenizer)
    held_out = {query.text for query in task.evaluation(512)}
    assert {row[0] for row in sql(db, "SELECT text FROM queries")} <= held_out
    assert "1: π1 beside ρ, open: 0 to 0, 0 neither, 12 of 12 waiting: no preference yet" in run("comparisons")
    assert prefer(db, version=1) == 12
    [ended] = comparisons.settle(db)
    assert (ended.tally.wins, ended.state) == (12, "decided")
    assert "12 to 0, 0 neither, 0 of 12 waiting: 100.0% [62.9%, 100.0%], e = 315 of 20" in run("comparisons")
    assert "π1                       preferred to ρ: 96.2% [" in run("leaderboard")
    assert [row["contestant"] for row in json.loads(run("leaderboard", "--json"))] == [1, 0]


def test_beside_reference_texts(db: Database, database_url: str, tmp_path: Path) -> None:
    run = prefloop(with_two_policies(db, database_url, tmp_path))
    file = tmp_path / "written.jsonl"
    rows = [{"query": story.partition(". ")[0] + ".", "reference": "They slept."} for story in STORIES]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("compare", "1", "--reference", file).startswith("comparison 1: 5 questions")
    assert prefer(db, version=None) == 5
    [found] = json.loads(run("comparisons", "--json"))
    assert (found["version"], found["against"], found["reference"]) == (1, None, "written.jsonl")
    assert (found["rate"], found["tally"]["losses"], found["state"]) == (0, 5, "open")
    assert "written.jsonl            undefined: no chain of comparisons leads to ρ (5 labels)" in run("leaderboard")
    assert "1: π1 beside written.jsonl, ended: 0 to 5" in run("comparisons", "--end", "1")
    with pytest.raises(LoopError, match="no open comparison 1"):
        run("comparisons", "--end", "1")


def test_a_summary_task_has_reference_texts_of_its_own(db: Database, database_url: str, tmp_path: Path) -> None:
    rows = [{"post": f"{story} It was day {i}.", "summary": f"Day {i}."} for i, story in enumerate(STORIES * 6)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    loop = started(db, database_url, tmp_path / "run")
    name: TaskName = "tldr"
    task = loop.settings.task.model_copy(
        update={"name": name, "queries": str(tmp_path / "posts.jsonl"), "query_tokens": 20}
    )
    loop = Loop(loop.settings.model_copy(update={"task": task}), db)
    loop.do(PublishReference())
    assert prefloop(loop)("compare", "0", "--queries", "4").startswith("comparison 1: 4 questions")
    [found] = comparisons.listed(db)
    assert found.reference == "references of tldr"
    texts = {row[0] for row in sql(db, "SELECT text FROM responses WHERE index = 1")}
    assert len(texts) == 4
    assert all(text.startswith("Day ") for text in texts)


def test_what_cannot_be_compared_is_said(db: Database, database_url: str, tmp_path: Path) -> None:
    loop = started(db, database_url, tmp_path)
    run = prefloop(loop)
    with pytest.raises(LoopError, match="policy version 0 is not in the store, which has none yet"):
        run("compare", "0")
    loop.do(PublishReference())
    with pytest.raises(LoopError, match="task sentiment has no reference texts"):
        run("compare", "0")
    with pytest.raises(LoopError, match="policy version 3 is not in the store, which has policies 0 to 0"):
        run("compare", "0", "3")
    with pytest.raises(LoopError, match="beside itself"):
        run("compare", "0", "0")
    add_policy(db, 1)
    with pytest.raises(LoopError, match="either policy 0 or --reference"):
        run("compare", "1", "0", "--reference", tmp_path / "file")


class Words:
    """A token a word."""

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(range(len(text.split())))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", 'line 2: expected {"query"'),
        ("[]", "line 2: expected"),
        ('{"query": "a"}', "line 2: expected"),
        ('{"query": "a", "reference": ""}', "line 2: expected"),
        ('{"query": "a", "reference": 3}', "line 2: expected"),
        ('{"query": "a b c d", "reference": "x"}', "line 2: the query has 4 tokens, and the policy reads 3"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(f'{{"query": "a b c", "reference": "x"}}\n{line}\n')
    with pytest.raises(LoopError, match=said):
        read_references(file, Words(), longest=3)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="No such file"):
        read_references(tmp_path / "none", Words(), longest=3)


def test_nothing_yet_is_said() -> None:
    assert "no comparison yet" in comparison_lines([])
    assert "nothing was compared yet" in leaderboard_lines([])
    assert leaderboard_lines(leaderboard([Contest(1, 0, 3, 1)])).splitlines()[1].startswith("ρ      ")
