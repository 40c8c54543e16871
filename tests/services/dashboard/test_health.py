"""GET /api/health: whether the loop is well, and if not, what is wrong and what to do."""

import pytest
from pydantic import SecretStr

from services.dashboard.app import build
from shared.checkup import check
from shared.domain import Cause, Role
from shared.health import NEEDED
from shared.messages import PublishReference
from shared.queues import Queues
from shared.settings import LabelSettings, Settings
from shared.store import accounts, jobs, loop, presence, stops
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL, fill
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, label, sql
from tests.web import served


@pytest.fixture
def staffed(db: Database) -> Database:
    """Every service gives signs of life."""
    for service in NEEDED:
        presence.seen(db, service, "host/1", {"disk_free_bytes": 2**40})
    return db


def whats(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [alarm["what"] for alarm in answer["alarms"]]


def test_a_loop_in_full_swing_is_well(dashboard: Dashboard, staffed: Database) -> None:
    fill(staffed)
    sql(staffed, "UPDATE jobs SET error = NULL")
    with dashboard.having(dashboard.reviewer) as reviewer:
        health = reviewer.get("/api/health").json()
    assert health["well"], health["alarms"]
    assert health["alarms"] == []
    assert {one["service"] for one in health["services"]} == set(NEEDED)
    clock = health["freshness"]["reward_to_policy"]
    assert (clock["bound"], [one["version"] for one in clock["history"]]) == (7200, [2, 3])
    assert clock["last"] == clock["history"][-1]["seconds"]


def test_everything_that_is_wrong_with_its_way_out(dashboard: Dashboard, staffed: Database) -> None:
    failed = jobs.remember(staffed, PublishReference())
    sql(staffed, "UPDATE jobs SET state = 'failed', error = :error WHERE key = :key", error=EVIL, key=failed.key)
    sql(staffed, "UPDATE services SET seen_at = now() - interval '3 minutes' WHERE service = 'ppo'")
    presence.left(staffed, "webhooks", "host/1")
    stops.stop(staffed, by="prefloop", reason="KL is 40.0", cause=Cause.KL)
    with dashboard.having(dashboard.reviewer) as reviewer:
        health = reviewer.get("/api/health").json()
    assert not health["well"]
    assert whats(health) == [
        "prefloop stopped the line: KL is 40.0",
        f"policy-0 failed at every attempt: {EVIL}",
        "webhooks is not running.",
        "ppo (host/1) gave no sign of life for 3 min.",
    ]
    assert [(alarm["severity"], alarm["action"]) for alarm in health["alarms"]] == [
        ("stop", "rollback"), ("alarm", "retry"), ("alarm", None), ("alarm", None)
    ]  # fmt: skip
    assert all(alarm["todo"] for alarm in health["alarms"])


def test_without_redis_it_answers_and_says_so(staffed: Database, settings: Settings) -> None:
    loop.start(staffed, settings)
    key = accounts.create_account(staffed, "op", Role.OPERATOR)
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    queues = Queues(nowhere.redis_url.get_secret_value())
    with served(build(nowhere, staffed, queues.depths)) as url:
        dashboard = Dashboard(url, key, key, key, key)
        with dashboard.as_operator() as operator:
            [alarm] = operator.get("/api/health").json()["alarms"]
    assert "Redis does not answer" in alarm["what"]


def test_labelers_do_not_see_it(dashboard: Dashboard) -> None:
    with dashboard.having(dashboard.labeler) as labeler:
        assert labeler.get("/api/health").status_code == 403


def test_nobody_labels_and_nothing_but_that_is_waited_for(staffed: Database, settings: Settings) -> None:
    loop.start(staffed, settings)
    add_policy(staffed)
    add_queries(staffed, range(3))
    label(staffed, add_person(staffed))
    sql(staffed, "UPDATE queries SET created_at = now() - interval '2 hours'")
    assert check(staffed, settings, dict).well
    sql(staffed, "UPDATE labels SET created_at = now() - interval '11 minutes'")
    [alarm] = check(staffed, settings, dict).alarms
    assert alarm.what == "The loop waits for labels, and nobody has given one for 11 min."


def test_clocks_stand_once_nothing_more_will_come(staffed: Database, settings: Settings) -> None:
    """After the last training, the last episode and the last question nothing waits."""
    loop.start(staffed, settings)
    add_policy(staffed)
    add_reward(staffed, 1)
    add_queries(staffed, [0])
    label(staffed, add_person(staffed))
    add_policy(staffed, 1, reward_version=1, episodes=settings.ppo.episodes)
    add_reward(staffed, 2)
    for table in ("policies", "rewards", "labels"):
        sql(staffed, f"UPDATE {table} SET created_at = now() - interval '9 hours'")
    assert len([alarm for alarm in check(staffed, settings, dict).alarms if "bound" in alarm.what]) == 2
    over = settings.model_copy(update={"labels": LabelSettings(budget=1, initial=1, retrainings=1)})
    assert check(staffed, over, dict).well
    assert check(staffed, over, dict).freshness.policy_to_sample.now is None
