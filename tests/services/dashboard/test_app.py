"""Who may see what, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from services.dashboard.app import build
from shared.domain import Role
from shared.settings import Settings, WebSettings
from shared.store import accounts, sign_ins
from shared.store.database import Database
from shared.store.sign_ins import Page
from tests.services.dashboard.conftest import Dashboard
from tests.shared.store.rows import sql

COOKIE = "prefloop_session"

BEHIND = [
    "/",
    "/api/state",
    "/api/accounts",
    "/api/people",
    "/api/comparisons",
    "/api/actions",
    "/api/settings",
    "/api/stops",
    "/api/health",
    "/api/timeline",
    "/api/samples",
    "/api/probes",
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
OF_A_VERSION = ["/api/lineage/policy/{version}", "/api/lineage/reward/{version}"]
OPEN = ["/healthz", "/login", "/static/style.css", "/static/icon.svg"]
STEERING = ["/api/rollback", "/api/retrain", "/api/retry", "/api/prune"]
ACTING = ["/api/stop", "/api/resume", *STEERING, "/api/accounts/{name}/revoke", "/logout"]


@contextmanager
def signed_in(dashboard: Dashboard) -> Iterator[httpx.Client]:
    """An operator's browser."""
    with dashboard.client() as browser:
        assert browser.post("/login", data={"key": dashboard.operator}).status_code == 303
        yield browser


def test_everything_needs_the_key(dashboard: Dashboard) -> None:
    with dashboard.client() as nobody:
        for path in ACTING:
            assert (path, nobody.post(path).status_code) == (path, 401)
        for path in [*BEHIND, *OF_A_VERSION]:
            answer = nobody.get(path)
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert nobody.post(path).status_code == 401
            page = nobody.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
            assert (page.status_code, page.headers["location"]) == (303, "/login")
        for path in OPEN:
            assert (path, nobody.get(path).status_code) == (path, 200)


def test_no_route_is_open_by_oversight(settings: Settings, db: Database) -> None:
    """Every route of the app is either tried above, or open on purpose."""
    app = build(settings, db, dict)
    paths = {route.path for route in iter_route_contexts(app.routes)}
    assert paths - {*BEHIND, *OF_A_VERSION, *OPEN} == {*ACTING, "/static", "/queues"}


def test_an_operator_sees_everything(dashboard: Dashboard) -> None:
    with dashboard.as_operator() as operator:
        for path in BEHIND[:-1]:
            assert (path, operator.get(path).status_code) == (path, 200)
        assert operator.get(BEHIND[-1]).status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/state", "/metrics", "/queues/"])
def test_a_labeler_sees_nothing(dashboard: Dashboard, path: str) -> None:
    with dashboard.having(dashboard.labeler) as labeler:
        answer = labeler.get(path)
    assert answer.status_code == 403
    assert "'labeler' is labeler: the dashboard opens to reviewers" in answer.json()["detail"]


def test_a_reviewer_sees_but_does_nothing(dashboard: Dashboard) -> None:
    with dashboard.having(dashboard.reviewer) as reviewer:
        for path in BEHIND[:-1]:
            assert (path, reviewer.get(path).status_code) == (path, 403 if path == "/api/accounts" else 200)
        for path in ACTING[:-1]:
            answer = reviewer.post(path.format(name="labeler"), json={"reason": "odd texts"})
            assert (path, answer.status_code) == (path, 403)
        assert "stop-dialog" not in reviewer.get("/").text


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
        token = browser.cookies[COOKIE]
        browser.post("/logout", headers={"Origin": dashboard.url})
        browser.cookies.set(COOKIE, token)
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


@pytest.mark.parametrize("end", ["UPDATE sign_ins SET expires_at = now()", "UPDATE sign_ins SET revoked_at = now()"])
def test_a_session_that_is_over_is_refused(dashboard: Dashboard, db: Database, end: str) -> None:
    with signed_in(dashboard) as browser:
        assert browser.get("/api/state").status_code == 200
        sql(db, end)
        assert browser.get("/api/state").status_code == 401
        browser.cookies.set(COOKIE, "forged")
        assert browser.get("/api/state").status_code == 401


def test_a_session_of_the_labeling_page_does_not_open_the_dashboard(dashboard: Dashboard, db: Database) -> None:
    labeling = sign_ins.with_key(db, dashboard.operator, Page.LABELING)
    assert labeling is not None
    with dashboard.client() as browser:
        browser.cookies.set(COOKIE, labeling.token)
        assert browser.get("/api/state").status_code == 401


def test_an_invitation_signs_in_once(dashboard: Dashboard, db: Database) -> None:
    invitation = sign_ins.invite(db, "rosa", Role.REVIEWER)
    for status in (303, 401):
        with dashboard.client() as browser:
            assert browser.post("/login", data={"key": invitation}).status_code == status
            assert browser.get("/api/state").status_code == (200 if status == 303 else 401)


def test_sign_ins_are_counted(settings: Settings, db: Database) -> None:
    web = WebSettings(sign_ins_per_minute=2)
    with TestClient(build(settings.model_copy(update={"web": web}), db, dict)) as browser:
        tries = [browser.post("/login", data={"key": "wrong"}) for _ in range(5)]
    assert [answer.status_code for answer in tries].count(401) in (2, 3)  # one more where a minute turns meanwhile
    assert tries[-1].status_code == 429
    assert 1 <= int(tries[-1].headers["retry-after"]) <= 60
    assert "Too many tries" in tries[-1].text


@pytest.mark.parametrize("path", ["/login", "/logout", "/queues/requeue/ppo", "/api/stop", "/api/accounts"])
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
def test_other_sites_cannot_post(dashboard: Dashboard, path: str, headers: dict[str, str]) -> None:
    with signed_in(dashboard) as browser:
        answer = browser.post(path, headers=headers, data={"key": dashboard.operator})
    assert answer.status_code == 403
    assert "page of ours" in answer.json()["detail"]


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
    key = accounts.create_account(db, "operator", Role.OPERATOR)
    with TestClient(build(evil, db, dict), headers={"Authorization": f"Bearer {key}"}) as browser:
        assert "<script>alert" not in browser.get("/").text


def test_health(dashboard: Dashboard) -> None:
    assert httpx.get(f"{dashboard.url}/healthz").json() == {"status": "ok"}
