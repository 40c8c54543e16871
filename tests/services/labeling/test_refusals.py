"""Requests that are wrong: each is told what is wrong with it, and changes nothing."""

import httpx
import pytest

from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.services.labeling.rows import add_queries, chosen
from tests.services.labeling.test_api import answer, take


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
        ({"none_acceptable": True, "position": 1, "seconds": 1}, "position 1 was sent, but none_acceptable says"),
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
        ("/api/leases/1/skip", b'{"note": "%s"}' % (b"x" * 2001), "note: String should have at most 2000 characters"),
        ("/api/leases/1/skip", b'{"reason": "all the same"}', "reason: Input should be 'off_topic', 'offensive'"),
        ("/api/leases/1/skip", rb'{"note": "\u0000"}', "note: String should match pattern"),
        ("/api/leases/1/skip", rb'{"note": "\ud800"}', "note: Input should be a valid string"),
        ("/api/leases/1/answer", b'{"flag": "rude", "seconds": 1}', "flag: Input should be 'off_topic', 'offensive'"),
        ("/api/leases/1/renew", b"[]", "body: "),
        ("/api/leases/1/undo", b'{"seconds": 9}', "seconds: there is no such field; leave it out (got 9)"),
        ("/api/leases/%s/undo" % ("x" * 101), b"{}", "lease_id: String should have at most 100 characters"),
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
