"""The REST API over HTTP, one labeler after the other."""

import time
from typing import Any

import httpx
import pytest

from shared import live
from shared.settings import LabelSettings, Settings
from shared.store import accounts, loop, overriding, stops
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.rows import add_queries, chosen, lease_states

BRIEF = Settings(labels=LabelSettings(lease_seconds=1))


def take(client: httpx.Client) -> dict[str, Any]:
    body = client.post("/api/leases", json={}).json()
    assert (body["reason"], body["retry_after"]) == (None, 0)
    lease: dict[str, Any] = body["lease"]
    return lease


def answer(client: httpx.Client, lease: dict[str, Any], position: int, seconds: float = 2.5) -> httpx.Response:
    return client.post(f"/api/leases/{lease['id']}/answer", json={"position": position, "seconds": seconds})


def test_the_response_shown_at_the_position_is_the_best(labeling: Labeling, db: Database) -> None:
    texts = [f"query {n}" for n in range(8)]
    add_queries(db, texts)
    picked = {}
    with labeling.client(labeling.ada) as ada:
        for n in range(8):
            lease = take(ada)
            assert sorted(lease["responses"]) == [f"answer {i} to {lease['query']}." for i in range(4)]
            receipt = answer(ada, lease, n % 4)
            assert receipt.status_code == 200
            said = receipt.json()["receipt"]
            assert (said["lease_id"], said["answer"]["position"]) == (lease["id"], n % 4)
            picked[lease["query"]] = [lease["responses"][n % 4]]
    assert chosen(db) == picked
    assert set(picked) == set(texts)


def test_responses_are_not_always_shown_in_the_order_of_the_policy(labeling: Labeling, db: Database) -> None:
    add_queries(db, [f"query {n}" for n in range(12)])
    orders = set()
    with labeling.client(labeling.ada) as ada:
        for _ in range(12):
            lease = take(ada)
            orders.add(tuple(text.split()[1] for text in lease["responses"]))
            answer(ada, lease, 0)
    assert len(orders) > 3


def test_without_queries_there_is_no_lease(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada:
        body = ada.post("/api/leases", json={}).json()
    assert body == {"lease": None, "reason": "none_left", "retry_after": 0.5}


def test_asking_again_gives_the_same_lease_until_it_is_answered(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one", "two"])
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        mine = take(ada)
        assert {**take(ada), "seconds_left": 0} == {**mine, "seconds_left": 0}
        other = take(grace)
        assert other["query"] != mine["query"]
        answer(ada, mine, 0)
        assert ada.post("/api/leases", json={}).json()["lease"] is None


def test_the_same_answer_again_gets_the_same_receipt(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada:
        lease = take(ada)
        first = answer(ada, lease, 2, seconds=2.5)
        again = answer(ada, lease, 2, seconds=9.0)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(chosen(db)["one"]) == 1


def test_another_answer_is_a_conflict_and_changes_nothing(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada:
        lease = take(ada)
        answer(ada, lease, 2)
        other = answer(ada, lease, 1)
        skipped = ada.post(f"/api/leases/{lease['id']}/skip", json={})
    assert other.status_code == skipped.status_code == 409
    assert "position 2" in other.json()["detail"]
    assert chosen(db) == {"one": [lease["responses"][2]]}


def test_a_lease_is_nobody_elses(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        lease = take(ada)
        for refused in (
            answer(grace, lease, 0),
            *(grace.post(f"/api/leases/{lease['id']}/{what}", json={}) for what in ("skip", "renew", "undo")),
            answer(ada, {"id": "no-such-lease"}, 0),
        ):
            assert refused.status_code == 404
            assert "take the next one" in refused.json()["detail"]
        assert answer(ada, lease, 0).status_code == 200


def test_a_skipped_query_is_not_shown_again(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one", "two"])
    with labeling.client(labeling.ada) as ada:
        first = take(ada)
        for reason in ({"reason": "all_alike", "note": "word for word"}, {}, {"reason": None}):
            skipped = ada.post(f"/api/leases/{first['id']}/skip", json=reason)
            assert (skipped.status_code, skipped.json()) == (200, {"lease_id": first["id"], "next": None})
        assert answer(ada, first, 0).status_code == 409
        second = take(ada)
        assert second["query"] != first["query"]
        answer(ada, second, 0)
        assert ada.post("/api/leases", json={}).json()["lease"] is None
    assert chosen(db) == {second["query"]: [second["responses"][0]]}


def test_an_expired_lease_goes_to_somebody_else(db: Database) -> None:
    add_queries(db, ["one"])
    with (
        labeling_with(BRIEF, db) as labeling,
        labeling.client(labeling.ada) as ada,
        labeling.client(labeling.grace) as grace,
    ):
        late = take(ada)
        assert grace.post("/api/leases", json={}).json()["lease"] is None
        time.sleep(1.1)
        other = take(grace)
        assert (other["query"], other["id"] != late["id"]) == ("one", True)
        refused = answer(ada, late, 0)
        assert refused.status_code == ada.post(f"/api/leases/{late['id']}/skip", json={}).status_code == 409
        assert "expired and its place is taken" in refused.json()["detail"]
        assert answer(grace, other, 3).status_code == 200
    assert chosen(db) == {"one": [other["responses"][3]]}


def test_an_expired_lease_may_come_back(db: Database) -> None:
    """Where only one person labels, the query must not be lost."""
    add_queries(db, ["one"])
    with labeling_with(BRIEF, db) as labeling, labeling.client(labeling.ada) as ada:
        late = take(ada)
        time.sleep(1.1)
        again = take(ada)
        assert again["id"] != late["id"]
        assert answer(ada, again, 1).status_code == 200
    assert lease_states(db) == ["done", "expired"]


def test_progress_is_ones_own(labeling: Labeling, db: Database) -> None:
    add_queries(db, [f"query {n}" for n in range(5)])
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        assert ada.get("/api/me").json() == {
            "progress": {
                "name": "ada", "role": "labeler", "labels": 0, "today": 0, "skipped": 0, "seconds": None,
                "undoable": None,
            },
            "stopped": None,
            "paused": None,
        }  # fmt: skip
        for seconds in (1.0, 2.0, 30.0):
            answer(ada, take(ada), 0, seconds)
        ada.post(f"/api/leases/{take(ada)['id']}/skip", json={})
        answer(grace, take(grace), 0, 0)
        mine, theirs = (client.get("/api/me").json()["progress"] for client in (ada, grace))
    assert (mine["labels"], mine["today"], mine["skipped"], mine["seconds"]) == (3, 3, 1, 2.0)
    assert (theirs["labels"], theirs["today"], theirs["skipped"], theirs["seconds"]) == (1, 1, 0, 0.0)


def test_one_request_answers_and_brings_the_next_query(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one", "two"])
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        lease = take(ada)
        body = {"position": 1, "seconds": 1, "flag": "off_topic", "critique": "neither", "next": True}
        answered = ada.post(f"/api/leases/{lease['id']}/answer", json=body).json()
        given = {"position": 1, "rating": None, "none_acceptable": False, "flag": "off_topic", "critique": "neither"}
        assert answered["receipt"]["answer"] == given
        upcoming = answered["next"]["lease"]
        assert upcoming["query"] == "two"
        assert {**take(ada), "seconds_left": 0} == {**upcoming, "seconds_left": 0}
        again = ada.post(f"/api/leases/{lease['id']}/answer", json=body).json()
        assert (again["receipt"], again["next"]["lease"]["id"]) == (answered["receipt"], upcoming["id"])
        held = grace.post("/api/leases", json={}).json()
        assert held == {"lease": None, "reason": "all_leased", "retry_after": 2}
        skipped = ada.post(f"/api/leases/{upcoming['id']}/skip", json={"next": True}).json()
    assert skipped["lease_id"] == upcoming["id"]
    assert skipped["next"] == {"lease": None, "reason": "none_left", "retry_after": 0.5}


def test_an_undone_answer_can_be_given_otherwise(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one", "two"])
    with labeling.client(labeling.ada) as ada:
        lease = take(ada)
        answered = answer(ada, lease, 0)
        assert ada.get("/api/me").json()["progress"]["undoable"] == lease["id"]
        take(ada)
        for _ in range(2):
            back = ada.post(f"/api/leases/{lease['id']}/undo", json={})
            assert back.status_code == 200
            for key in ("id", "query", "responses", "question"):
                assert back.json()[key] == lease[key]
        again = answer(ada, lease, 3)
        assert again.json()["receipt"]["label_id"] > answered.json()["receipt"]["label_id"]
        assert ada.get("/api/me").json()["progress"]["labels"] == 1
        two = take(ada)
        assert two["query"] == "two"
        assert ada.post(f"/api/leases/{two['id']}/undo", json={}).json()["id"] == two["id"]  # it is open: nothing to do
    assert chosen(db) == {"one": [lease["responses"][3]]}


def test_a_renewed_lease_lasts_longer(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada:
        lease = take(ada)
        renewed = ada.post(f"/api/leases/{lease['id']}/renew", json={})
        assert 299 < renewed.json()["seconds_left"] <= 300
        assert renewed.json()["expires_at"] > lease["expires_at"]
        answer(ada, lease, 0)
        refused = ada.post(f"/api/leases/{lease['id']}/renew", json={})
        assert refused.status_code == 409
        assert "is done and cannot be kept for longer" in refused.json()["detail"]


def test_the_line_may_be_stopped_and_a_person_paused(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    accounts.pause(db, "ada", "seven of ten gold answers missed")
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        assert ada.post("/api/leases", json={}).json() == {
            "lease": None, "reason": "you_are_paused", "retry_after": 60,
        }  # fmt: skip
        answer(grace, take(grace), 0)
        stops.stop(db, by="grace", reason="it only says ha")
        assert grace.post("/api/leases", json={}).json() == {"lease": None, "reason": "paused", "retry_after": 10}
        me = ada.get("/api/me").json()
    assert me["paused"] == "seven of ten gold answers missed"
    assert (me["stopped"]["by"], me["stopped"]["reason"]) == ("grace", "it only says ha")


def test_a_changed_setting_acts_on_the_next_lease(
    labeling: Labeling, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop.start(db, settings)
    add_queries(db, ["one", "two"])
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.0)
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        before = ada.post("/api/leases", json={}).json()["lease"]
        assert before["seconds_left"] > 100
        overriding.set_setting(db, settings, "labels.lease_seconds", 30, by="rosa", reason="")
        lent = grace.post("/api/leases", json={}).json()["lease"]
        assert 0 < lent["seconds_left"] <= 30
        assert ada.post(f"/api/leases/{before['id']}/renew", json={}).json()["seconds_left"] <= 30
