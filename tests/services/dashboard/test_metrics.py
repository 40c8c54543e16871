"""/metrics over HTTP, read as Prometheus reads it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.dashboard.app import build
from services.dashboard.metrics import LoopCollector, registry
from services.dashboard.state import read
from shared.queues import Queues
from shared.settings import Settings
from shared.store import loop
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import LABELS, OPEN, fill


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
    assert seen["prefloop_episodes_total"] == 64 * 50
    assert seen["prefloop_kl_coef"] == pytest.approx(0.15 - 0.0002 * 49)
    assert 5 < seen["prefloop_kl"] < 7
    assert 1 < seen["prefloop_score"] < 3
    assert seen["prefloop_jobs[queued]"] == 1
    assert seen["prefloop_jobs[running]"] == 2
    assert seen["prefloop_jobs[failed]"] == 0
    assert seen["prefloop_redis_up"] == 1


def test_before_the_first_version_there_is_no_zero(dashboard: Dashboard) -> None:
    seen = scrape(dashboard)
    assert seen["prefloop_labels_total"] == 0
    for absent in ("reward_version", "reward_accuracy", "policy_version", "human_win_rate", "kl", "score"):
        assert f"prefloop_{absent}" not in seen


def test_without_redis_the_rest_is_still_there(db: Database, settings: Settings) -> None:
    loop.start(db, settings)
    collector = LoopCollector(lambda: read(db, settings), Queues("redis://127.0.0.1:1/0").depths)
    samples = {sample.name: sample.value for family in registry(collector).collect() for sample in family.samples}
    assert samples["prefloop_redis_up"] == 0
    assert samples["prefloop_labels_total"] == 0
    assert "prefloop_queue_depth" not in samples


def test_nothing_is_read_before_the_first_scrape(db: Database, settings: Settings) -> None:
    db.close()
    build(settings, db, dict)
