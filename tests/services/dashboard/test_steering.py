"""Steering over HTTP: what operators may do, what reviewers may see, and what is refused in words."""

import pytest

from shared.domain import Service
from shared.store import actions, loop, stops
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.shared.store.rows import add_policy, add_reward

POSTS = [
    ("/api/stop", {"reason": "odd"}),
    ("/api/resume", {}),
    ("/api/rollback", {"policy": 0}),
    ("/api/retrain", {}),
    ("/api/retry", {}),
    ("/api/prune", {}),
    ("/api/settings", {"key": "ppo.lr", "value": 1e-5}),
]


def test_reviewers_see_and_operators_act(dashboard: Dashboard, db: Database) -> None:
    with dashboard.having(dashboard.reviewer) as reviewer:
        for path in ("/api/actions", "/api/settings", "/api/stops"):
            assert reviewer.get(path).status_code == 200
        for path, body in POSTS:
            answer = reviewer.post(path, json=body)
            assert (path, answer.status_code) == (path, 403)
            assert "takes an operator" in answer.json()["detail"]
    assert (actions.listed(db), stops.all_standing(db)) == ([], [])


def test_one_service_is_paused_beside_the_line(dashboard: Dashboard, db: Database) -> None:
    with dashboard.as_operator() as operator:
        assert operator.post("/api/stop", json={"reason": "odd", "service": "orchestrator"}).status_code == 422
        pause = operator.post("/api/stop", json={"reason": "odd", "service": "ppo"}).json()
        assert (pause["service"], pause["cause"]) == ("ppo", None)
        line = operator.post("/api/stop", json={"reason": "KL is up"}).json()
        assert operator.get("/api/stops").json() == [line, pause]
        assert loop.state(db).services == {Service.PPO}
        assert operator.post("/api/resume", json={"reason": "fine"}).json() == line
        assert operator.post("/api/resume", json={"service": "ppo"}).json() == pause
        assert operator.post("/api/resume", json={"service": "ppo"}).json() is None
        found = operator.get("/api/actions").json()["actions"]
    assert [entry["kind"] for entry in found] == ["resume", "resume", "stop", "stop"]


def test_a_rollback_and_its_refusals(dashboard: Dashboard, db: Database) -> None:
    add_policy(db)
    add_reward(db, 1)
    add_policy(db, 1, reward_version=1)
    add_policy(db, 2, reward_version=1)
    with dashboard.as_operator() as operator:
        refused = operator.post("/api/rollback", json={"policy": 9})
        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "policy: there is no version 9; there are 0, 1, 2",
        )
        for body in ({}, {"policy": "1"}, {"policy": -1}, {"policy": 2**31}, {"policy": 1, "reason": "\0"}):
            assert operator.post("/api/rollback", json=body).status_code == 422
        done = operator.post("/api/rollback", json={"policy": 1, "reward": None, "reason": "odd"}).json()
        assert (done["by"], done["reason"], done["detail"]["reward"]) == ("operator", "odd", 1)
        [entry] = operator.get("/api/actions").json()["actions"]
    assert entry == done
    assert loop.state(db).policy_version == 1


@pytest.mark.parametrize(
    ("path", "words"), [("/api/retrain", "no labels to learn from"), ("/api/retry", "no job has failed")]
)
def test_what_cannot_be_done_now_is_a_conflict(dashboard: Dashboard, path: str, words: str) -> None:
    with dashboard.as_operator() as operator:
        answer = operator.post(path, json={"reason": ""})
    assert (answer.status_code, words in answer.json()["detail"]) == (409, True)


def test_a_prune_is_asked_for_once(dashboard: Dashboard, db: Database) -> None:
    with dashboard.as_operator() as operator:
        asked = operator.post("/api/prune", json={"dry_run": True, "reason": "room"}).json()
        assert (asked["detail"], asked["result"]) == ({"dry_run": True}, None)
        assert operator.post("/api/prune", json={}).status_code == 409
    assert loop.state(db).prune == asked["id"]


def test_settings_are_seen_changed_and_reset(dashboard: Dashboard) -> None:
    with dashboard.as_operator() as operator:
        before = {one["key"]: one for one in operator.get("/api/settings").json()["settings"]}
        assert (before["ppo.lr"]["value"], before["ppo.lr"]["changed"]) == (5e-5, False)
        assert before["sampler.backlog"]["description"] == "open queries to keep ahead of the labelers"
        assert operator.post("/api/settings", json={"key": "ppo.lr", "value": 1e-5}).status_code == 200
        assert operator.post("/api/settings", json={"key": "guards.kl", "value": None}).status_code == 200
        for key, value in (("ppo.batch", 8), ("ppo.lr", "x"), ("ppo.lr", {}), ("labels.budget", 1)):
            refused = operator.post("/api/settings", json={"key": key, "value": value})
            assert (refused.status_code, key in refused.json()["detail"]) == (409, True)
        now = {one["key"]: one for one in operator.get("/api/settings").json()["settings"]}
        assert (now["ppo.lr"]["value"], now["ppo.lr"]["started"], now["ppo.lr"]["changed"]) == (1e-5, 5e-5, True)
        assert (now["guards.kl"]["value"], now["guards.kl"]["started"]) == (None, 30)
        reset = operator.post("/api/settings", json={"key": "ppo.lr", "reset": True}).json()
        assert reset["detail"] == {"key": "ppo.lr", "reset": True, "was": 1e-5}
        assert operator.post("/api/settings", json={"key": "ppo.lr", "reset": True}).status_code == 409
