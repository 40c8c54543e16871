"""The API's own description: what it says about errors is what happens, no more and no less."""

import time
from collections import defaultdict
from typing import Any

import httpx

from services.labeling.app import build
from shared.settings import LabelSettings, Settings, WebSettings
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.rows import add_queries
from tests.web import served

BRIEF = Settings(labels=LabelSettings(lease_seconds=1))
RARELY = Settings(web=WebSettings(requests_per_minute=1, sign_ins_per_minute=1))
UNREACHABLE = "postgresql+psycopg://nobody:nothing@127.0.0.1:9/none"
ANSWER, SKIP, RENEW, UNDO = (
    ("post", f"/api/leases/{{lease_id}}/{what}") for what in ("answer", "skip", "renew", "undo")
)
TAKE, ME, HEALTH = ("post", "/api/leases"), ("get", "/api/me"), ("get", "/healthz")
SIGN_IN, SIGN_OUT, STOP = ("post", "/api/session"), ("delete", "/api/session"), ("post", "/api/stop")
BODIES: dict[tuple[str, str], dict[str, object] | None] = {
    TAKE: {},
    ANSWER: {"position": 0, "seconds": 1},
    SKIP: {},
    RENEW: {},
    UNDO: {},
    ME: None,
    HEALTH: None,
    SIGN_IN: {"key": "no such key"},
    STOP: {"reason": "it repeats itself"},
    SIGN_OUT: None,
}
CROSS_SITE = "403"  # not given for what changes nothing, which is described alike


class Witness:
    """Asks, and keeps the codes that were given, by route. Each error must say something."""

    def __init__(self) -> None:
        self.codes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def ask(self, client: httpx.Client, route: tuple[str, str], lease: str = "unknown", **changes: object) -> Any:
        method, path = route
        body = BODIES[route]
        body = None if body is None else body | changes
        response = client.request(method, path.format(lease_id=lease), json=body)
        self.codes[route].add(str(response.status_code))
        if response.status_code >= 400:
            assert isinstance(response.json()["detail"], str)
        return response.json() if response.content else None

    def ask_all(self, client: httpx.Client, times: int = 1) -> None:
        for route in BODIES:
            for _ in range(times):
                self.ask(client, route)

    def take(self, client: httpx.Client) -> str:
        lease: str = self.ask(client, TAKE)["lease"]["id"]
        return lease


def test_every_code_is_documented_and_every_documented_code_is_given(db: Database) -> None:
    witness = Witness()
    add_queries(db, ["one", "two", "three"])
    with labeling_with(BRIEF, db) as labeling:
        with labeling.client("no such key") as stranger:
            witness.ask_all(stranger)
        with labeling.client(labeling.ada) as ada:
            _label(witness, ada)
            witness.ask(ada, SIGN_IN, key=labeling.ada)
            document = ada.get("/api/openapi.json").json()
        with labeling.client() as another_site:
            another_site.post("/api/session", json={"key": labeling.ada}).raise_for_status()
            another_site.headers["Sec-Fetch-Site"] = "cross-site"
            witness.ask_all(another_site)
    key = {"Authorization": f"Bearer {labeling.ada}"}
    for settings, store in ((RARELY, db), (BRIEF, Database(UNREACHABLE))):
        with served(build(settings, store)) as url, httpx.Client(base_url=url, headers=key) as client:
            witness.ask_all(client, times=2)
    for method, path, operation in _operations(document):
        documented, given = set(operation["responses"]), witness.codes[method, path]
        assert given - {CROSS_SITE} == documented - {CROSS_SITE}, (method, path)
        assert given <= documented


def test_everything_is_described(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada:
        document = ada.get("/api/openapi.json").json()
    assert {(method, path) for method, path, _ in _operations(document)} == set(BODIES)
    for method, path, operation in _operations(document):
        assert operation["summary"]
        assert operation["description"]
        open_to_all = (method, path) in (HEALTH, SIGN_IN)
        assert ("security" in operation) != open_to_all, (method, path)
        for code, response in operation["responses"].items():
            assert response["description"]
            if code != "204":
                model = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert document["components"]["schemas"][model]["description"]
                assert (model == "Problem") == (int(code) >= 400)


def _label(witness: Witness, ada: httpx.Client) -> None:
    for route in BODIES:
        witness.ask(ada, route)  # of an unknown lease; takes the first query too
        if BODIES[route] is not None:
            witness.ask(ada, route, no_such_field=1)
    lease = witness.take(ada)
    witness.ask(ada, RENEW, lease)
    for position in (0, 0, 1, 9):
        witness.ask(ada, ANSWER, lease, position=position)
    for route in (SKIP, RENEW):
        witness.ask(ada, route, lease)
    witness.ask(ada, SKIP, witness.take(ada))
    for _ in range(2):
        witness.ask(ada, UNDO, lease)  # not the last one
    lost = witness.take(ada)
    time.sleep(1.1)
    assert witness.take(ada) != lost  # it expired, and is lent anew
    for route in (ANSWER, SKIP, RENEW, UNDO):
        witness.ask(ada, route, lost)
    answered = witness.take(ada)
    witness.ask(ada, ANSWER, answered)
    witness.ask(ada, UNDO, answered)


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
