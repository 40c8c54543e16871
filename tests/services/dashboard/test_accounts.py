"""Accounts over HTTP: who may make and end whom."""

import pytest

from shared.domain import Role
from shared.store import accounts, sign_ins
from shared.store.database import Database
from shared.store.sign_ins import Page
from tests.services.dashboard.conftest import Dashboard

LABELER, REVIEWER, OPERATOR, ADMIN = Role
MAY = {LABELER: set[Role](), REVIEWER: set[Role](), OPERATOR: {LABELER, REVIEWER}, ADMIN: set(Role)}


@pytest.mark.parametrize("me", list(Role))
def test_nobody_makes_or_ends_an_account_above_their_own(dashboard: Dashboard, db: Database, me: Role) -> None:
    key = {role: accounts.create_account(db, f"a {role}", role) for role in Role}
    with dashboard.having(getattr(dashboard, me)) as client:
        for role in Role:
            made = client.post("/api/accounts", json={"name": f"a new {role}", "role": role})
            again = client.post("/api/accounts", json={"name": f"a {role}", "role": role})
            ended = client.post(f"/api/accounts/a {role}/revoke")
            may = role in MAY[me]
            assert [made.status_code, again.status_code, ended.status_code] == ([200, 200, 204] if may else [403] * 3)
            assert (accounts.authenticate(db, key[role]) is None) == may
            assert (f"a new {role}" in [found.name for found in accounts.listed(db)]) == may
            if may:
                signed_in = sign_ins.with_invitation(db, made.json()["invitation"], Page.LABELING)
                assert signed_in is not None
                assert signed_in.principal.role is role
                assert sign_ins.with_invitation(db, again.json()["invitation"], Page.LABELING) is None  # ended too


def test_all_accounts_are_listed(dashboard: Dashboard, db: Database) -> None:
    accounts.pause(db, "labeler", "gold answers")
    with dashboard.as_operator() as operator:
        found = {account["name"]: account for account in operator.get("/api/accounts").json()}
        assert operator.get("/api/accounts").headers["cache-control"] == "no-store"
    assert set(found) == set(Role)
    assert (found["labeler"]["role"], found["labeler"]["paused"]) == ("labeler", "gold answers")
    [key] = found["operator"]["keys"]
    assert key["prefix"] == dashboard.operator[:8]
    assert key["last_used_at"] is not None


def test_what_cannot_be_done_is_said(dashboard: Dashboard) -> None:
    with dashboard.having(dashboard.admin) as admin:
        for name, role in (("", "labeler"), ("a/b", "labeler"), ("x" * 201, "labeler"), ("ada", "x")):
            answer = admin.post("/api/accounts", json={"name": name, "role": role})
            assert answer.status_code == 422
            assert answer.json()["detail"].startswith("role: " if role == "x" else "name: ")
        assert admin.post("/api/accounts", content=b"\xff").status_code == 422
        assert admin.post("/api/accounts", json={"name": "labeler", "role": "admin"}).status_code == 409
        assert admin.post("/api/accounts/nobody/revoke").status_code == 404


def test_every_answer_of_the_api_is_described(dashboard: Dashboard) -> None:
    with dashboard.as_operator() as operator:
        paths = operator.get("/api/openapi.json").json()["paths"]
    assert set(paths["/api/accounts"]["post"]["responses"]) == {"200", "401", "403", "409", "422", "503"}
    assert set(paths["/api/accounts/{name}/revoke"]["post"]["responses"]) == {"204", "401", "403", "404", "422", "503"}
    assert set(paths["/api/stop"]["post"]["responses"]) == {"200", "401", "403", "422", "503"}
    assert set(paths["/api/resume"]["post"]["responses"]) == {"200", "401", "403", "422", "503"}
    assert set(paths["/api/rollback"]["post"]["responses"]) == {"200", "401", "403", "409", "422", "503"}
