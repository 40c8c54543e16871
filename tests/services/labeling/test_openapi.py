"""The API's own description: what it says about errors is what happens, no more and no less."""

import time
from collections import defaultdict
from typing import Any

import httpx

from services.labeling.app import build
from shared.settings import LabelSettings, Settings
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.rows import add_queries
from tests.web import served

BRIEF = Settings(labels=LabelSettings(lease_seconds=1))
UNREACHABLE = "postgresql+psycopg://nobody:nothing@127.0.0.1:9/none"
TAKE = ("post", "/api/leases")
ANSWER = ("post", "/api/leases/{lease_id}/answer")
SKIP = ("post", "/api/leases/{lease_id}/skip")
ME = ("get", "/api/me")
HEALTH = ("get", "/healthz")
BODIES: dict[tuple[str, str], dict[str, object] | None] = {
    TAKE: {},
    ANSWER: {"position": 0, "seconds": 1},
    SKIP: {},
    ME: None,
    HEALTH: None,
}


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

    def take(self, client: httpx.Client) -> str:
        lease: str = self.ask(client, TAKE)["lease"]["id"]
        return lease


def test_every_code_is_documented_and_every_documented_code_is_given(db: Database) -> None:
    witness = Witness()
    add_queries(db, ["one", "two", "three"])
    with labeling_with(BRIEF, db) as labeling:
        with labeling.client("no such key") as stranger:
            for route in BODIES:
                witness.ask(stranger, route)
        with labeling.client(labeling.ada) as ada:
            _label(witness, ada)
            document = ada.get("/api/openapi.json").json()
    with served(build(BRIEF, Database(UNREACHABLE))) as url, httpx.Client(base_url=url) as client:
        client.headers["Authorization"] = f"Bearer {labeling.ada}"
        for route in BODIES:
            witness.ask(client, route)
    assert witness.codes == {
        (method, path): set(operation["responses"]) for method, path, operation in _operations(document)
    }


def test_everything_is_described(labeling: Labeling) -> None:
    with labeling.client(labeling.ada) as ada:
        document = ada.get("/api/openapi.json").json()
    for method, path, operation in _operations(document):
        assert operation["summary"]
        assert operation["description"]
        assert ("security" in operation) == path.startswith("/api/"), (method, path)
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
    for position in (0, 0, 1, 9):
        witness.ask(ada, ANSWER, lease, position=position)
    witness.ask(ada, SKIP, lease)
    witness.ask(ada, SKIP, witness.take(ada))
    lease = witness.take(ada)
    time.sleep(1.1)
    witness.ask(ada, ANSWER, lease)
    witness.ask(ada, SKIP, lease)


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
