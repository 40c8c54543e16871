"""Who waits for whom: from spans written by hand, and from jobs, labels and stops in the store."""

import pytest

from services.dashboard.lanes import joined, lanes
from shared.domain import Service
from shared.settings import Settings
from shared.store import loop, stops
from shared.store.database import Database
from shared.store.timeline import BINS, History, history
from tests.services.dashboard import scenes
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import LABELS, OPEN, fill


def past(**changed: object) -> History:
    values: dict[str, object] = {"work": {}, "answering": [], "halts": [], "labels": [], "backlog": []}
    return History(since=0, until=10, **values | changed)  # type: ignore[arg-type]


def test_each_lane_waits_for_the_nearest_before_it_that_works() -> None:
    work = {"sampler": [(-5, 2)], "reward_trainer": [(4, 6), (5, 7)], "ppo": [(7, 10)]}
    sampler, people, trainer, ppo = lanes(past(work=work, answering=[(2, 4)]))
    assert (sampler.worked, sampler.waited) == (0.2, {"ppo": 0.3, "reward_trainer": 0.3, "people": 0.2})
    assert people.waited == {"sampler": 0.2, "ppo": 0.3, "reward_trainer": 0.3}
    assert (trainer.worked, trainer.spans) == (0.3, [(4, 7)])
    assert ppo.waited == {"reward_trainer": 0.3, "people": 0.2, "sampler": 0.2}
    for lane in (sampler, people, trainer, ppo):
        assert lane.worked + sum(lane.waited.values()) + lane.halted + lane.idle == pytest.approx(1)


def test_a_stop_halts_training_and_people_label_on() -> None:
    halts = [(None, (2, 4)), (Service.PPO, (3, 6)), (Service.LABELING, (9, 12))]
    _, people, _, ppo = lanes(past(work={"ppo": [(0, 8)]}, answering=[(0, 9)], halts=halts))
    assert (people.worked, people.halted) == (0.9, 0.1)
    assert (ppo.worked, ppo.halted, ppo.waited) == (0.4, 0.4, {"people": 0.1})
    assert ppo.idle == pytest.approx(0.1)  # labeling is paused, nobody works


def test_near_spans_are_joined() -> None:
    assert joined([(5, 6), (0, 2), (1, 3), (3.5, 4)], gap=0.5) == [(0, 4), (5, 6)]


def test_labels_and_backlog_add_up(db: Database, settings: Settings) -> None:
    loop.start(db, settings)
    fill(db)
    found = history(db, hours=1)
    assert len(found.labels) == len(found.backlog) == BINS
    assert found.backlog[-1] == OPEN
    assert sum(found.labels) <= LABELS
    assert min(found.backlog) >= 0


def test_over_http(dashboard: Dashboard, db: Database) -> None:
    scenes.well(db)
    stops.stop(db, by="ada", reason="odd")
    with dashboard.having(dashboard.reviewer) as reviewer:
        answer = reviewer.get("/api/timeline").json()
        assert [lane["lane"] for lane in answer["lanes"]] == ["sampler", "people", "reward_trainer", "ppo"]
        assert all(lane["worked"] > 0 for lane in answer["lanes"])
        assert 500 < answer["until"] - answer["since"] < 700  # since the loop began
        (halt,) = answer["halts"]
        assert halt["service"] is None
        assert sum(answer["labels"]["per_minute"]) > 0
        assert reviewer.get("/api/timeline?hours=0").status_code == 422
