"""Who may see what, over HTTP."""

import time

import httpx
import pytest
from fastapi.routing import APIRoute
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from pydantic import SecretStr
from starlette.testclient import TestClient

from services.dashboard.app import build
from services.dashboard.session import COOKIE, HOURS, Sessions
from shared.domain import LoopError
from shared.settings import Settings
from shared.store import accounts
from shared.store.database import Database
from tests.services.dashboard.conftest import SECRET, Dashboard

BEHIND = [
    "/",
    "/api/state",
    "/api/openapi.json",
    "/metrics",
    "/queues/",
    "/queues/0/view/workers",
    "/queues/0/data/queues.json",
    "/queues/static/js/jquery-3.5.1.min.js",
    "/static/page.js",
    "/static/vendor/uplot/uPlot.iife.min.js",
    "/there/is/no/such/page",
]
OPEN = ["/healthz", "/login", "/static/style.css", "/static/icon.svg"]


def test_everything_needs_the_key(dashboard: Dashboard) -> None:
    with dashboard.client() as nobody:
        for path in BEHIND:
            answer = nobody.get(path)
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert nobody.post(path).status_code == 401
            page = nobody.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
            assert (page.status_code, page.headers["location"]) == (303, "/login")
        for path in OPEN:
            assert (path, nobody.get(path).status_code) == (path, 200)


def test_no_route_is_open_by_oversight(settings: Settings, db: Database) -> None:
    """Every route of the app is either tried above, or open on purpose, or ends a session."""
    app = build(settings, db, dict)
    paths = {route.path for route in app.routes if isinstance(route, APIRoute)}
    assert paths - {*BEHIND, *OPEN} == {"/logout"}
    assert {getattr(route, "path", "") for route in app.routes} - paths == {"/api/openapi.json", "/static", "/queues"}


def test_an_operator_sees_everything(dashboard: Dashboard) -> None:
    with dashboard.as_operator() as operator:
        for path in BEHIND[:-1]:
            assert (path, operator.get(path).status_code) == (path, 200)
        assert operator.get(BEHIND[-1]).status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/state", "/metrics", "/queues/"])
def test_a_labeler_sees_nothing(dashboard: Dashboard, path: str) -> None:
    with dashboard.client(Authorization=f"Bearer {dashboard.labeler}") as labeler:
        answer = labeler.get(path)
    assert answer.status_code == 403
    assert "labeler's key" in answer.json()["detail"]


def test_a_wrong_or_revoked_key_is_401(dashboard: Dashboard, db: Database) -> None:
    with dashboard.client(Authorization="Bearer wrong") as stranger:
        assert stranger.get("/api/state").status_code == 401
    with dashboard.as_operator() as operator:
        assert operator.get("/api/state").status_code == 200
        accounts.revoke(db, "operator")
        assert operator.get("/api/state").status_code == 401


def test_sign_in_and_out(dashboard: Dashboard) -> None:
    with dashboard.client(Accept="text/html") as browser:
        answer = browser.post("/login", data={"key": f" {dashboard.operator}\n"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert dashboard.operator.lower() not in cookie
        for path in BEHIND[:-1]:
            assert (path, browser.get(path).status_code) == (path, 200)
        browser.post("/logout")
        assert browser.get("/").headers["location"] == "/login"


def test_the_session_cookie_is_secure_behind_https(dashboard: Dashboard) -> None:
    with dashboard.client(**{"X-Forwarded-Proto": "https"}) as browser:
        assert "secure" in browser.post("/login", data={"key": dashboard.operator}).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"key": "wrong"}, 401, "not known"),
        ({"key": ""}, 401, "not known"),
        ({}, 401, "not known"),
        ({"key": "\0ä"}, 401, "not known"),
        ({"key": "x" * 5000}, 413, "too long"),
    ],
)
def test_sign_in_with_a_wrong_key(dashboard: Dashboard, form: dict[str, str], status: int, said: str) -> None:
    with dashboard.client() as browser:
        answer = browser.post("/login", data=form)
        assert answer.status_code == status
        assert said in answer.text
        assert "set-cookie" not in answer.headers


def test_sign_in_with_a_labelers_key(dashboard: Dashboard) -> None:
    with dashboard.client() as browser:
        answer = browser.post("/login", data={"key": dashboard.labeler})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("secret", ["another secret", SECRET + " "])
def test_a_forged_session_is_refused(dashboard: Dashboard, secret: str) -> None:
    with dashboard.client() as browser:
        browser.cookies.set(COOKIE, Sessions(secret).open("operator"))
        assert browser.get("/api/state").status_code == 401


def test_an_old_session_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(SECRET)
    for age, name in ((HOURS * 3600 - 60, "operator"), (HOURS * 3600 + 60, None)):
        with monkeypatch.context() as then:
            then.setattr(TimestampSigner, "get_timestamp", lambda _, age=age: int(time.time()) - age)
            token = sessions.open("operator")
        assert sessions.name(token) == name


def test_a_signature_for_something_else_is_no_session() -> None:
    token = URLSafeTimedSerializer(SECRET, salt="something else").dumps("operator")
    assert Sessions(SECRET).name(token) is None


@pytest.mark.parametrize("path", ["/login", "/logout", "/queues/requeue/ppo"])
def test_other_sites_cannot_post(dashboard: Dashboard, path: str) -> None:
    with dashboard.as_operator() as operator:
        answer = operator.post(path, headers={"Sec-Fetch-Site": "cross-site"}, data={"key": dashboard.operator})
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_queues_are_read_only_behind_the_key(dashboard: Dashboard, method: str) -> None:
    with dashboard.as_operator() as operator:
        assert operator.request(method, "/queues/requeue/ppo").status_code == 405


def test_every_answer_has_a_strict_policy(dashboard: Dashboard) -> None:
    with dashboard.as_operator() as operator:
        for path in [*OPEN, *BEHIND]:
            answer = operator.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert ("unsafe" in policy) == (
                path.startswith("/queues/") and "text/html" in answer.headers["content-type"]
            )
            assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/login"])
def test_our_pages_have_nothing_inline_and_nothing_foreign(dashboard: Dashboard, path: str) -> None:
    with dashboard.as_operator() as operator:
        page = operator.get(path).text
    assert "<style" not in page
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype", "")
    assert page.count("<script") == page.count("<script src=")


def test_the_loops_name_is_escaped(settings: Settings, db: Database) -> None:
    evil = settings.model_copy(update={"name": '"><script>alert(1)</script>'})
    with TestClient(build(evil, db, dict)) as browser:
        browser.cookies.set(COOKIE, Sessions(SECRET).open("operator"))
        assert "<script>alert" not in browser.get("/").text


def test_without_a_secret_nothing_starts(settings: Settings, db: Database) -> None:
    with pytest.raises(LoopError, match="PREFLOOP_OPERATOR_KEY"):
        build(settings.model_copy(update={"operator_key": SecretStr("")}), db, dict)


def test_health(dashboard: Dashboard) -> None:
    assert httpx.get(f"{dashboard.url}/healthz").json() == {"status": "ok"}
