"""The REST API over HTTP, one labeler after the other."""

import time
from typing import Any

import httpx
import pytest

from shared.settings import LabelSettings, Settings
from shared.store import accounts
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
            assert (receipt.json()["lease_id"], receipt.json()["position"]) == (lease["id"], n % 4)
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
        assert take(ada) == mine
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
    assert lease["id"] in other.json()["detail"]
    assert "position 2" in other.json()["detail"]
    assert chosen(db) == {"one": [lease["responses"][2]]}


def test_a_lease_is_nobody_elses(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        lease = take(ada)
        for refused in (
            answer(grace, lease, 0),
            grace.post(f"/api/leases/{lease['id']}/skip", json={}),
            answer(ada, {"id": "no-such-lease"}, 0),
        ):
            assert refused.status_code == 404
            assert "take the next one" in refused.json()["detail"]
        assert answer(ada, lease, 0).status_code == 200


def test_a_skipped_query_is_not_shown_again(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one", "two"])
    with labeling.client(labeling.ada) as ada:
        first = take(ada)
        for reason in ({"reason": "all the same"}, {}, {"reason": None}):
            skipped = ada.post(f"/api/leases/{first['id']}/skip", json=reason)
            assert (skipped.status_code, skipped.content) == (204, b"")
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
        refused = answer(ada, late, 0)
        assert refused.status_code == ada.post(f"/api/leases/{late['id']}/skip", json={}).status_code == 410
        assert "take the next one" in refused.json()["detail"]
        other = take(grace)
        assert (other["query"], other["id"] != late["id"]) == ("one", True)
        assert answer(ada, late, 0).status_code == 410
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
        assert ada.get("/api/me").json() == {"name": "ada", "labels": 0, "skipped": 0, "seconds": None}
        for seconds in (1.0, 2.0, 30.0):
            answer(ada, take(ada), 0, seconds)
        ada.post(f"/api/leases/{take(ada)['id']}/skip", json={})
        answer(grace, take(grace), 0, 0)
        assert ada.get("/api/me").json() == {"name": "ada", "labels": 3, "skipped": 1, "seconds": 2.0}
        assert grace.get("/api/me").json() == {"name": "grace", "labels": 1, "skipped": 0, "seconds": 0.0}


def test_an_operator_may_label(labeling: Labeling, db: Database) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.operator) as operator:
        assert answer(operator, take(operator), 0).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"position": 4, "seconds": 1}, "position 4 was not shown: send one of 0 to 3"),
        ({"position": 10**30, "seconds": 1}, "position"),
        ({"position": -1, "seconds": 1}, "position: Input should be greater than or equal to 0 (got -1)"),
        ({"position": True, "seconds": 1}, "position: Input should be a valid integer (got True)"),
        ({"position": "1", "seconds": 1}, "position: Input should be a valid integer (got '1')"),
        ({"position": 1, "seconds": -0.1}, "seconds: Input should be greater than or equal to 0 (got -0.1)"),
        ({"position": 1}, "seconds: is missing; send it"),
        ({"seconds": 1}, "position is missing: send one of 0 to 3"),
        ({"rating": 3, "seconds": 1}, "rating 3 was sent, but a response is to be chosen: as `position`"),
        ({"position": 1, "rating": 3, "seconds": 1}, "rating 3 was sent, but a response is to be chosen"),
        ({"position": 1, "seconds": 1, "best": 2}, "best: there is no such field; leave it out (got 2)"),
        ([], "body: "),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(labeling: Labeling, db: Database, body: object, said: str) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada:
        lease = take(ada)
        refused = ada.post(f"/api/leases/{lease['id']}/answer", json=body)
        assert refused.status_code == 422
        assert said in refused.json()["detail"]
        assert chosen(db) == {}
        assert answer(ada, lease, 0).status_code == 200


@pytest.mark.parametrize("seconds", [b"NaN", b"Infinity", b"1e999"])
def test_seconds_are_a_number(labeling: Labeling, db: Database, seconds: bytes) -> None:
    add_queries(db, ["one"])
    with labeling.client(labeling.ada) as ada:
        url = f"/api/leases/{take(ada)['id']}/answer"
        headers = {"Content-Type": "application/json"}
        refused = ada.post(url, content=b'{"position": 0, "seconds": %s}' % seconds, headers=headers)
    assert refused.status_code == 422
    assert "seconds: Input should be a finite number" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/leases", b'{"seconds": 9999}', "seconds: there is no such field; leave it out (got 9999)"),
        ("/api/leases", b"", "body: is missing; send it"),
        ("/api/leases/1/skip", b'{"reason": "%s"}' % (b"x" * 501), "reason: String should have at most 500 characters"),
        ("/api/leases/1/skip", rb'{"reason": "\u0000"}', "reason: String should match pattern"),
        ("/api/leases/1/skip", rb'{"reason": "\ud800"}', "reason: Input should be a valid string"),
        ("/api/leases/%00/skip", b"{}", "lease_id: String should match pattern"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(labeling: Labeling, path: str, body: bytes, said: str) -> None:
    with labeling.client(labeling.ada) as ada:
        refused = ada.post(path, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert said in refused.json()["detail"]
    assert len(refused.json()["detail"]) < 250


def test_a_body_that_is_no_json_is_told_so(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada:
        for body in (b"{", b"\xff", b"[" * 100_000, b'{"position": %s}' % (b"1" * 5000)):
            refused = ada.post("/api/leases", content=body, headers={"Content-Type": "application/json"})
            assert (refused.status_code, refused.json()["detail"][:20]) == (422, "body: it is not JSON")


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic {key}", "{key}", "Bearer \xe4"])
def test_the_api_needs_a_key(labeling: Labeling, authorization: str | None) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.format(key=labeling.ada).encode()}
    with httpx.Client(base_url=labeling.url, headers=headers) as nobody:
        for method, path in (
            ("POST", "/api/leases"),
            ("POST", "/api/leases/1/answer"),
            ("POST", "/api/leases/1/skip"),
            ("GET", "/api/me"),
            ("GET", "/api/openapi.json"),
            ("GET", "/there/is/no/such/page"),
        ):
            refused = nobody.request(method, path)
            assert (path, refused.status_code) == (path, 401)
            assert refused.headers["www-authenticate"] == "Bearer"
            assert "key" in refused.json()["detail"]


def test_a_revoked_key_is_refused_at_once(labeling: Labeling, db: Database) -> None:
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        assert ada.get("/api/me").status_code == 200
        accounts.revoke(db, "ada")
        assert (ada.get("/api/me").status_code, grace.get("/api/me").status_code) == (401, 200)


def test_the_page_and_health_need_no_key(labeling: Labeling) -> None:
    with labeling.client() as nobody:
        for path in ("/", "/static/page.js", "/static/style.css", "/static/icon.svg"):
            assert nobody.get(path).status_code == 200
        assert nobody.get("/healthz").json() == {"status": "ok"}


def test_every_answer_has_a_strict_policy(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada:
        for path in ("/", "/static/page.js", "/healthz", "/api/me", "/no/such/page"):
            headers = ada.get(path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == ("no-store" if path in ("/api/me", "/no/such/page") else "no-cache")


def test_the_page_has_nothing_inline_and_nothing_foreign(labeling: Labeling) -> None:
    page = httpx.get(labeling.url).text
    assert "<style" not in page
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype", "")
    assert page.count("<script") == page.count("<script src=") == 1


def test_the_loops_name_is_escaped(db: Database) -> None:
    with labeling_with(Settings(name='"><script>alert(1)</script>'), db) as labeling:
        assert "<script>alert" not in httpx.get(labeling.url).text
