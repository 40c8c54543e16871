"""Samples, probes and lineage over HTTP, with text that would like to be more than text."""

import math
from typing import Any

import pytest

from shared.domain import ActionKind, Flag, Purpose
from shared.messages import TrainPolicy
from shared.store import actions, retractions, versions
from shared.store.database import Database
from shared.store.retractions import Choice
from shared.store.versions import Probed
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL
from tests.shared.store.rows import (
    add_measuring,
    add_person,
    add_policy,
    add_queries,
    add_reward,
    label,
    running,
    sql,
)

HOSTILE = f"{EVIL}</script>\u202e{{{{7*7}}}}\N{REPLACEMENT CHARACTER}'; DROP TABLE queries; --"


@pytest.fixture
def filled(dashboard: Dashboard, db: Database) -> Dashboard:
    """Queries 1 to 8 by policy 0, 9 to 12 by policy 1 (two responses ρ's), a gold one; the first three are labeled."""
    add_policy(db)
    add_queries(db, range(8))
    ada = add_person(db, EVIL)
    for position in (0, 1, 2):
        label(db, ada, position=position)
    add_reward(db, 1, watermark=3)
    add_policy(db, 1, reward_version=1)
    add_queries(db, range(8, 12), policy_version=1, written_by=(0, 1, 0, 1))
    add_measuring(db, Purpose.GOLD, ["known"])
    return dashboard


def asked(dashboard: Dashboard, path: str, **parameters: object) -> dict[str, Any]:
    with dashboard.having(dashboard.reviewer) as reviewer:
        answer = reviewer.get(path, params={name: str(value) for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def ids(dashboard: Dashboard, **parameters: object) -> list[int]:
    found = asked(dashboard, "/api/samples", **parameters)["queries"]
    return [query["id"] for query in found]


def test_a_query_with_its_responses_scores_and_labels(filled: Dashboard, db: Database) -> None:
    add_reward(db, 2, watermark=3)
    for reward_version, score in ((1, 0.25), (2, math.nan)):
        insert = "INSERT INTO scores (query_id, index, reward_version, score) VALUES (2, 3, :version, :score)"
        sql(db, insert, version=reward_version, score=score)
    sql(db, "UPDATE queries SET text = :words WHERE id = 2", words=HOSTILE)
    sql(db, "UPDATE responses SET text = :words WHERE query_id = 2 AND index = 3", words=HOSTILE)
    sql(db, "UPDATE labels SET flag = 'offensive', critique = :words WHERE query_id = 2", words=HOSTILE)
    [(best,)] = sql(db, "SELECT best FROM labels WHERE query_id = 2")
    page = asked(filled, "/api/samples", before=3, limit=1)
    [query] = page["queries"]
    assert page["next"] == 2
    assert {name: query[name] for name in ("id", "position", "purpose", "policy_version", "text")} == {
        "id": 2, "position": 1, "purpose": "training", "policy_version": 0, "text": HOSTILE,
    }  # fmt: skip
    assert [response["index"] for response in query["responses"]] == [0, 1, 2, 3]
    assert query["responses"][0] == {"index": 0, "policy_version": 0, "text": "1.0", "scores": {}}
    assert query["responses"][3] == {
        "index": 3, "policy_version": 0, "text": HOSTILE, "scores": {"1": 0.25, "2": None},
    }  # fmt: skip
    [said] = query["labels"]
    del said["created_at"]
    assert said == {
        "labeler": EVIL, "best": best, "rating": None, "none_acceptable": False, "flag": Flag.OFFENSIVE,
        "critique": HOSTILE, "retracted": False,
    }  # fmt: skip


def test_pages_go_through_all_of_them_once_though_more_come_in(filled: Dashboard, db: Database) -> None:
    seen: list[int] = []
    page = asked(filled, "/api/samples", limit=5)
    while True:
        seen += [query["id"] for query in page["queries"]]
        if page["next"] is None:
            break
        assert len(page["queries"]) == 5
        add_queries(db, [100 + len(seen)], policy_version=1)
        page = asked(filled, "/api/samples", limit=5, before=page["next"])
    assert seen == list(range(13, 0, -1))
    assert ids(filled, before=0) == []
    assert asked(filled, "/api/samples", limit=100)["next"] is None


def test_filters(filled: Dashboard, db: Database) -> None:
    assert ids(filled, labeled=True) == [3, 2, 1]
    assert ids(filled, labeled=False, purpose="training") == [12, 11, 10, 9, 8, 7, 6, 5, 4]
    assert ids(filled, purpose="gold") == [13]
    assert ids(filled, version=1) == [12, 11, 10, 9]
    assert ids(filled, version=0, before=11) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]  # where ρ wrote some of it too
    assert ids(filled, version=2) == []
    assert ids(filled, version=0, labeled=True, before=3) == [2, 1]
    made = retractions.retract(db, Choice(label_ids=[2]), by="root", reason="odd")
    assert made.count == 1
    assert ids(filled, labeled=True) == [3, 1]
    [query] = asked(filled, "/api/samples", before=3, limit=1)["queries"]
    assert [said["retracted"] for said in query["labels"]] == [True]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"before": 2**63}, "before"),
        ({"version": -1}, "version"),
        ({"version": 2**31}, "version"),
        ({"purpose": EVIL}, "purpose"),
        ({"labeled": "perhaps"}, "labeled"),
    ],
)
def test_a_wrong_parameter_is_named(dashboard: Dashboard, parameters: dict[str, object], named: str) -> None:
    with dashboard.having(dashboard.reviewer) as reviewer:
        answer = reviewer.get("/api/samples", params={name: str(value) for name, value in parameters.items()})
    assert answer.status_code == 422
    assert named in answer.text


def test_probes_by_query_with_the_r_of_each_version(filled: Dashboard, db: Database) -> None:
    made = running(db, TrainPolicy(version=2, reward_version=1))
    said = [Probed(HOSTILE, f"{HOSTILE} 2", 0.5), Probed("x", "y\0\ud800", math.nan)]
    versions.publish_policy(
        db, made.key, made.attempt, version=2, parent=1, reward_version=1, path="policy/2", sha256="0" * 64,
        episodes=2, kl=1.0, kl_coef=0.1, score=0.0, probes=said,
    )  # fmt: skip
    insert = "INSERT INTO probes (policy_version, index, query, response) VALUES (0, 0, :query, 'first')"
    sql(db, insert, query=HOSTILE)
    zero = {"policy_version": 0, "response": "first", "score": None, "reward_version": None}
    two = {"policy_version": 2, "response": f"{HOSTILE} 2", "score": 0.5, "reward_version": 1}
    odd = {"policy_version": 2, "response": "y\N{REPLACEMENT CHARACTER}\\ud800", "score": None, "reward_version": 1}
    assert asked(filled, "/api/probes")["probes"] == [
        {"index": 0, "query": HOSTILE, "answers": [zero, two]},
        {"index": 1, "query": "x", "answers": [odd]},
    ]


def test_lineage_of_a_policy_and_of_a_reward_version(filled: Dashboard, db: Database) -> None:
    add_policy(db, 2, reward_version=1)
    detail = {"policy": 1, "reward": 1, "last_policy": 2, "last_reward": 1}
    with db.transaction() as session:
        actions.note(session, ActionKind.ROLLBACK, by="root", reason="worse", detail=detail)
    check = '[{"name": "rank", "passed": true, "said": "agrees", "figures": {"rho": null}}]'
    sql(db, "UPDATE rewards SET verdict = CAST(:verdict AS jsonb)", verdict=check)
    learnt = {
        "version": 1, "status": "published", "reason": "sound", "labels": {EVIL: 3}, "retracted": 0,
        "verdict": [{"name": "rank", "passed": True, "said": "agrees", "figures": {"rho": None}}],
    }  # fmt: skip
    zero = {"version": 0, "parent": None, "reward_version": None, "abandoned": False}
    one = {"version": 1, "parent": 0, "reward_version": 1, "abandoned": False}
    two = {"version": 2, "parent": 1, "reward_version": 1, "abandoned": True}
    assert asked(filled, "/api/lineage/policy/0") == {"rewards": [], "policies": [zero]}
    assert asked(filled, "/api/lineage/policy/2") == {"rewards": [learnt], "policies": [zero, one, two]}
    assert asked(filled, "/api/lineage/reward/1") == {"rewards": [learnt], "policies": [one, two]}


@pytest.mark.parametrize("kind", ["policy", "reward"])
def test_a_version_that_is_not_there_is_404(dashboard: Dashboard, kind: str) -> None:
    with dashboard.having(dashboard.reviewer) as reviewer:
        answer = reviewer.get(f"/api/lineage/{kind}/7")
        assert (answer.status_code, reviewer.get(f"/api/lineage/{kind}/x").status_code) == (404, 422)
    assert f"there is no {kind} version 7" in answer.json()["detail"]
