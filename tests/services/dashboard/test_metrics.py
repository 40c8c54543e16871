"""/metrics over HTTP, read as Prometheus reads it."""

import io
import json
import logging

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.dashboard.app import build
from services.dashboard.metrics import LoopCollector, registry
from shared.domain import ActionKind, Cause, Role, Service
from shared.queues import Queues
from shared.settings import Settings
from shared.store import accounts, actions, loop, presence, stops
from shared.store.database import Database
from shared.store.tables import JobRow
from shared.telemetry import ObjectFormatter
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import LABELS, OPEN, fill
from tests.web import served


def scrape(dashboard: Dashboard) -> dict[str, float]:
    """Samples by name, labels included as they are written."""
    with dashboard.as_operator() as prometheus:
        answer = prometheus.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_loop_in_full_swing(dashboard: Dashboard, db: Database) -> None:
    fill(db)
    seen = scrape(dashboard)
    assert seen["prefloop_labels_total"] == LABELS
    assert seen["prefloop_labels_budget"] == 1200
    assert seen["prefloop_open_queries"] == OPEN
    assert seen["prefloop_open_leases"] == 2
    assert seen["prefloop_reward_version"] == 3
    assert seen["prefloop_reward_accuracy"] == pytest.approx(0.42)
    assert seen["prefloop_policy_version"] == 2
    assert seen["prefloop_human_win_rate"] == pytest.approx(0.4)
    assert seen["prefloop_human_win_rate_labels"] == 5
    assert seen["prefloop_episode"] == 64 * 50
    assert seen["prefloop_objective_kl_coef"] == pytest.approx(0.15 - 0.0002 * 49)
    assert 5 < seen["prefloop_objective_kl"] < 7
    assert 1 < seen["prefloop_objective_scores"] < 3
    assert seen["prefloop_labels_learnable"] == LABELS
    assert seen["prefloop_freshness_last_seconds[policy_to_sample]"] >= 0
    assert seen["prefloop_rewards[rejected]"] == 1
    assert seen["prefloop_rewards_rejected_in_a_row"] == 0
    assert seen["prefloop_jobs[queued]"] == 1
    assert seen["prefloop_jobs[running]"] == 2
    assert seen["prefloop_jobs[failed]"] == 0
    assert seen["prefloop_redis_up"] == 1


def test_before_the_first_version_there_is_no_zero(dashboard: Dashboard) -> None:
    seen = scrape(dashboard)
    assert seen["prefloop_labels_total"] == 0
    live = ("reward_version", "reward_accuracy", "policy_version", "human_win_rate")
    for absent in (*live, "objective_kl", "objective_scores", "episode", "open_query_oldest_seconds"):
        assert f"prefloop_{absent}" not in seen
    assert not [name for name in seen if name.startswith(("prefloop_freshness_waiting", "prefloop_stopped"))]
    assert seen["prefloop_service_processes[ppo]"] == 0


def test_what_is_live_after_a_rollback_and_what_went_wrong(dashboard: Dashboard, db: Database) -> None:
    fill(db)
    loop.record_batch(db, policy_version=3, batch=51, episodes=64 * 51, stats={"kl": 40.0})
    stops.stop(db, by="prefloop", reason="KL is 40", cause=Cause.KL)
    stops.stop(db, by="op", reason="busy", service=Service.PPO)
    presence.seen(db, "ppo", "here/1", {"memory_bytes": 5, "disk_free_bytes": 7})
    presence.seen(db, "ppo", "there/2", {"memory_bytes": 9, "disk_free_bytes": 3})
    with db.transaction() as session:
        detail = {"policy": 1, "reward": 2, "last_policy": 3, "last_reward": 4}
        actions.note(session, ActionKind.ROLLBACK, by="op", reason="worse", detail=detail)
        session.get_one(JobRow, "policy-2").deaths = 2
    seen = scrape(dashboard)
    assert seen["prefloop_policy_version"] == 1
    assert seen["prefloop_reward_version"] == 2
    assert seen["prefloop_reward_accuracy"] == pytest.approx(0.35)
    assert seen["prefloop_objective_kl"] == 40.0
    assert seen["prefloop_kl_bound"] == 30.0
    assert "prefloop_objective_scores" not in seen, "the newest batch did not note it"
    assert seen["prefloop_stopped[kl][line]"] == 1
    assert seen["prefloop_stopped[person][ppo]"] == 1
    assert seen["prefloop_service_processes[ppo]"] == 2
    assert seen["prefloop_service_disk_free_bytes[ppo]"] == 3
    assert seen["prefloop_service_memory_bytes[ppo]"] == 9
    assert seen["prefloop_worker_deaths_total"] == 2


def test_without_redis_the_rest_is_still_there(db: Database, settings: Settings) -> None:
    loop.start(db, settings)
    collector = LoopCollector(db, settings, Queues("redis://127.0.0.1:1/0").depths)
    samples = {sample.name: sample.value for family in registry(collector).collect() for sample in family.samples}
    assert samples["prefloop_redis_up"] == 0
    assert samples["prefloop_labels_total"] == 0
    assert "prefloop_queue_depth" not in samples


def test_a_record_of_a_request_names_it_and_who_asked(db: Database, settings: Settings) -> None:
    loop.start(db, settings)
    key = accounts.create_account(db, "prometheus", Role.REVIEWER)
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(ObjectFormatter("dashboard", "demo"))
    log = logging.getLogger("services.dashboard.metrics")
    log.addHandler(handler)
    try:
        with served(build(settings, db, Queues("redis://127.0.0.1:1/0").depths)) as url:
            answer = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"})
    finally:
        log.removeHandler(handler)
    record = json.loads(said.getvalue())
    assert record["message"].startswith("queue depths are missing from /metrics: Redis does not answer")
    assert record["request"] == answer.headers["x-request-id"]
    assert record["account"] == "prometheus"


def test_nothing_is_read_before_the_first_scrape(db: Database, settings: Settings) -> None:
    db.close()
    build(settings, db, dict)
