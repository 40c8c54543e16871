"""`prefloop` steers a loop whose store PREFLOOP_DATABASE_URL names, as in a container."""

import json

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from shared.domain import LoopError
from shared.settings import LabelSettings, Settings
from shared.store import loop, presence, stops
from shared.store.database import Database
from shared.store.steering import RefusedError
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, label, sql


@pytest.fixture(autouse=True)
def _loop(db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLOOP_DATABASE_URL", database_url)
    monkeypatch.setenv("USER", "rosa")
    loop.start(db, Settings(name="tales", labels=LabelSettings(budget=500)))
    add_policy(db)
    add_reward(db, 1)
    for version in range(1, 6):
        add_policy(db, version, reward_version=1)


def said(*arguments: str) -> str:
    found = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_back_to_an_earlier_pair(db: Database) -> None:
    add_queries(db, [0, 1], policy_version=5)
    out = said("rollback", "--policy", "2", "--reason", "odd texts")
    assert out == "live are policy 2 and reward 1; 2 open queries retired\ncanceled: nothing was under way\n"
    assert loop.state(db).policy_version == 2
    with pytest.raises(RefusedError, match="there is no version 7"):
        said("rollback", "--policy", "7")
    said("rollback", "--policy", "0", "--by", "ada")
    assert loop.state(db).reward_version is None
    first, _, second = said("actions").splitlines()[:3]
    assert first.endswith("  ada  rollback policy=0 last_policy=5 last_reward=1")
    assert second.endswith("  rosa  rollback policy=2 reward=1 last_policy=5 last_reward=1: odd texts")
    assert [entry["by"] for entry in json.loads(said("actions", "--json", "--limit", "1"))] == ["ada"]


def test_what_changes_while_the_loop_runs_counts_from_what_it_was_started_with() -> None:
    assert said("set", "labels.budget", "600") == "labels.budget is 600; it was 500\n"
    assert said("set", "guards.kl", "none") == "guards.kl is none; it was 30.0\n"
    lines = said("set").splitlines()
    assert "labels.budget = 600  (started with 500)" in lines
    assert "ppo.lr = 5e-05" in lines
    assert said("set", "labels.budget", "--reset") == "labels.budget is 500; it was 600\n"
    with pytest.raises(LoopError, match="a value, or --reset"):
        said("set", "labels.budget")
    with pytest.raises(RefusedError, match=r"task.name may not change"):
        said("set", "task.name", "tldr")


def test_retrain_retry_and_prune(db: Database) -> None:
    with pytest.raises(RefusedError, match="no labels"):
        said("retrain")
    add_queries(db, [0])
    label(db, add_person(db))
    assert said("retrain").startswith("action 1: the reward model is trained as soon as")
    sql(db, "UPDATE jobs SET state = 'failed' WHERE key = 'policy-5'")
    assert said("retry") == "tried again: policy-5\n"
    sql(db, "UPDATE jobs SET state = 'done'")
    assert said("prune", "--dry-run").startswith("policies 1, 2; rewards none would go\naction 3: ")
    state = loop.state(db)
    assert (state.retrain, state.prune) == (1, 3)


def test_status_tells_what_is_live_stopped_and_changed(db: Database) -> None:
    said("rollback", "--policy", "3")
    said("set", "labels.budget", "600")
    assert said("stop", "--service", "ppo", "--reason", "odd") == "rosa stopped ppo: odd\n"
    stops.stop(db, by="prefloop", reason="KL is 31", service=None)
    out = said("status")
    assert out.startswith("tales: not running\nlabels 0/600  ")
    for words in ("policy 3", "prefloop stopped the line: KL is 31", "rosa stopped ppo: odd", "labels.budget is 600"):
        assert words in out
    presence.seen(db, "orchestrator", "here/1", {})
    data = json.loads(said("status", "--json"))
    assert (data["running"], data["policy_version"], data["changed_settings"]) == (True, 3, {"labels.budget": 600})
    assert [(stop["service"], stop["by"]) for stop in data["stops"]] == [(None, "prefloop"), ("ppo", "rosa")]
    assert {alarm["severity"] for alarm in data["alarms"]} == {"stop", "alarm"}
    assert "\nalarm: sampler is not running. " in said("status")
    assert said("resume", "--service", "ppo") == "resumed; rosa had stopped ppo: odd\n"
    assert said("resume", "--service", "ppo") == "ppo was not stopped\n"
