"""Who is let in, how, and how often: keys, sessions, invitations, other sites, rate limits."""

from collections.abc import Iterator

import httpx
import pytest

from services.labeling.app import build
from services.labeling.guard import HEADERS
from shared.domain import Role
from shared.settings import Settings, WebSettings
from shared.store import accounts, sign_ins
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.shared.store.rows import sql
from tests.web import served

BEHIND = ["/api/me", "/api/openapi.json", "/there/is/no/such/page"]
OPEN = ["/", "/healthz", "/static/style.css"]
COOKIE = "prefloop_labeling"


@pytest.fixture
def nobody(labeling: Labeling) -> Iterator[httpx.Client]:
    with labeling.client() as client:
        yield client


def signed_in(client: httpx.Client, **body: str) -> httpx.Response:
    answer = client.post("/api/session", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def test_all_but_the_page_needs_a_key_or_a_session(labeling: Labeling, nobody: httpx.Client) -> None:
    for path in OPEN:
        assert (path, nobody.get(path).status_code) == (path, 200)
    for path in BEHIND:
        answer = nobody.get(path)
        assert (path, answer.status_code, answer.headers["www-authenticate"]) == (path, 401, "Bearer")
        assert isinstance(answer.json()["detail"], str)
    signed_in(nobody, key=labeling.ada)
    for path in BEHIND[:-1]:
        assert (path, nobody.get(path).status_code) == (path, 200)
    assert nobody.get(BEHIND[-1]).status_code == 404


def test_every_answer_has_a_strict_policy(nobody: httpx.Client) -> None:
    for path in [*OPEN, *BEHIND]:
        answer = nobody.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == ("no-cache" if path in OPEN else "no-store")


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_label(labeling: Labeling, db: Database, role: Role) -> None:
    with labeling.client(accounts.create_account(db, "someone", role)) as someone:
        assert someone.get("/api/me").json()["progress"]["role"] == role


def test_a_cookie_no_script_can_read_stands_for_the_key(labeling: Labeling, nobody: httpx.Client) -> None:
    answer = signed_in(nobody, key=labeling.ada)
    assert answer.json()["progress"]["name"] == "ada"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert labeling.ada not in cookie
    attributes = {attribute.strip().lower() for attribute in cookie.split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/", f"max-age={30 * 24 * 3600}"}
    assert nobody.get("/api/me").json() == answer.json()


def test_behind_https_the_cookie_is_secure(labeling: Labeling, nobody: httpx.Client) -> None:
    nobody.headers["X-Forwarded-Proto"] = "https"
    assert "secure" in signed_in(nobody, key=labeling.ada).headers["set-cookie"].lower()


def test_signing_out_ends_the_session_on_the_server_too(labeling: Labeling, nobody: httpx.Client) -> None:
    signed_in(nobody, key=labeling.ada)
    token = nobody.cookies[COOKIE]
    assert nobody.delete("/api/session", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert COOKIE not in nobody.cookies
    nobody.cookies.set(COOKIE, token)
    assert nobody.get("/api/me").status_code == 401


def test_an_invitation_signs_in_once(db: Database, nobody: httpx.Client) -> None:
    invitation = sign_ins.invite(db, "lin")
    assert signed_in(nobody, invitation=invitation).json()["progress"]["name"] == "lin"
    answer = nobody.post("/api/session", json={"invitation": invitation})
    assert answer.status_code == 401
    assert "was used" in answer.json()["detail"]
    assert nobody.get("/api/me").status_code == 200  # the session it opened goes on


@pytest.mark.parametrize("secret", ["", "wrong", "\0ä", "' OR true --"])
def test_wrong_keys_and_invitations(labeling: Labeling, nobody: httpx.Client, secret: str) -> None:
    for field in ("key", "invitation"):
        answer = nobody.post("/api/session", json={field: secret})
        assert (field, answer.status_code) == (field, 401)
        assert "set-cookie" not in answer.headers
    assert nobody.post("/api/session", json={"key": "x" * 201}).status_code == 422
    assert nobody.post("/api/session", json={"key": labeling.ada, "invitation": secret}).status_code == 422


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_key_that_is_over_opens_nothing(labeling: Labeling, db: Database, nobody: httpx.Client, end: str) -> None:
    signed_in(nobody, key=labeling.ada)
    if end == "revoked":
        accounts.revoke(db, "ada")
    else:
        sql(db, "UPDATE api_keys SET expires_at = now()")
        sql(db, "UPDATE sign_ins SET expires_at = now()")
    assert nobody.get("/api/me").status_code == 401
    assert nobody.post("/api/session", json={"key": labeling.ada}).status_code == 401
    with labeling.client(labeling.ada) as ada:
        assert ada.get("/api/me").status_code == 401


SITES = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),  # typed by the user
    ({"Sec-Fetch-Site": "same-site"}, False),  # another port of this host
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, False),
    ({"Origin": "OWN"}, True),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({}, False),  # no browser of these years, or one that was made to hide it
]


@pytest.mark.parametrize(("headers", "ours"), SITES)
def test_with_the_cookie_only_our_pages_change_anything(
    labeling: Labeling, nobody: httpx.Client, headers: dict[str, str], ours: bool
) -> None:
    signed_in(nobody, key=labeling.ada)
    headers = {name: labeling.url if value == "OWN" else value for name, value in headers.items()}
    for method, path in (("POST", "/api/leases"), ("POST", "/api/stop"), ("DELETE", "/api/session")):
        body = {"reason": "odd texts"} if path == "/api/stop" else {}
        answer = nobody.request(method, path, json=body, headers=headers)
        assert (path, answer.is_success) == (path, ours)
        assert ours or answer.status_code == 403
    if not ours:
        assert nobody.get("/api/me", headers=headers).status_code == 200
        with labeling.client(labeling.ada) as ada:  # a key is sent by nobody but its owner
            assert ada.post("/api/leases", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(("headers", "ours"), SITES)
def test_another_sites_page_signs_nobody_in(
    labeling: Labeling, nobody: httpx.Client, headers: dict[str, str], ours: bool
) -> None:
    """A program says nothing of where it comes from, and is let in."""
    headers = {name: labeling.url if value == "OWN" else value for name, value in headers.items()}
    answer = nobody.post("/api/session", json={"key": labeling.ada}, headers=headers)
    assert answer.status_code == (200 if ours or not headers else 403)


def passed(answer: httpx.Response) -> bool:
    if answer.status_code != 429:
        return True
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "try again in" in answer.json()["detail"]
    return False


def test_an_account_asks_so_often_and_others_go_on(settings: Settings, db: Database) -> None:
    web = WebSettings(requests_per_minute=5, sign_ins_per_minute=2)
    ada, grace = (accounts.create_account(db, name, Role.LABELER) for name in ("ada", "grace"))
    with served(build(settings.model_copy(update={"web": web}), db)) as url, httpx.Client(base_url=url) as client:

        def asked(key: str, times: int) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return sum(passed(client.get("/api/me", headers=headers)) for _ in range(times))

        assert asked(ada, 8) in (5, 6)  # the window slides: where a minute turns meanwhile, one more
        assert asked(grace, 1) == 1
        tries = [passed(client.post("/api/session", json={"key": "wrong"})) for _ in range(5)]
        assert sum(tries) in (2, 3)
        assert client.get("/").status_code == 200


def test_any_labeler_stops_the_line(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada, labeling.client(labeling.grace) as grace:
        stop = ada.post("/api/stop", json={"reason": "odd texts"}).json()
        assert (stop["by"], stop["reason"]) == ("ada", "odd texts")
        assert grace.post("/api/stop", json={"reason": "me too"}).json() == stop
        assert grace.get("/api/me").json()["stopped"] == stop
        for body in ({}, {"reason": ""}, {"reason": "\0"}):
            assert ada.post("/api/stop", json=body).status_code == 422
