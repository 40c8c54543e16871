"""Many people at once: no query goes to two of them, and none is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.domain import Role
from shared.store import accounts
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.services.labeling.rows import add_queries, chosen, lease_states

PEOPLE = 16
QUERIES = [f"query {n}" for n in range(60)]


def test_no_query_goes_to_two_and_none_is_lost(labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    keys = [accounts.create_account(db, f"person {n}", Role.LABELER) for n in range(PEOPLE)]
    together = threading.Barrier(PEOPLE)

    def work(key: str) -> dict[str, str]:
        """What this person was shown and chose, until there is nothing left."""
        mine: dict[str, str] = {}
        with labeling.client(key) as client:
            together.wait()
            while (lease := client.post("/api/leases", json={}).json()["lease"]) is not None:
                assert lease["query"] not in mine
                mine[lease["query"]] = lease["responses"][len(mine) % 4]
                body = {"position": (len(mine) - 1) % 4, "seconds": 1}
                assert client.post(f"/api/leases/{lease['id']}/answer", json=body).status_code == 200
        return mine

    with ThreadPoolExecutor(PEOPLE) as pool:
        shares = list(pool.map(work, keys))
    assert sum(map(len, shares)) == len(QUERIES)
    assert chosen(db) == {query: [text] for share in shares for query, text in share.items()}
    assert sorted(chosen(db)) == sorted(QUERIES)
    assert lease_states(db) == ["done"] * len(QUERIES)
    assert sum(map(bool, shares)) > 1, "they did not work side by side"


def test_two_windows_of_one_person_share_a_lease(labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    together = threading.Barrier(8)

    def take(_: int) -> str:
        with labeling.client(labeling.ada) as client:
            together.wait()
            return str(client.post("/api/leases", json={}).json()["lease"]["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(take, range(8)))) == 1
    assert lease_states(db) == ["open"]


def test_one_answer_sent_many_times_at_once_is_one_label(labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:1])
    with labeling.client(labeling.ada) as ada:
        lease = ada.post("/api/leases", json={}).json()["lease"]
    together = threading.Barrier(8)

    def answer(position: int) -> tuple[int, str]:
        with labeling.client(labeling.ada) as client:
            together.wait()
            body = {"position": position, "seconds": 1}
            response = client.post(f"/api/leases/{lease['id']}/answer", json=body)
            return response.status_code, response.text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(answer, [1] * 4 + [2] * 4))
    taken = [text for code, text in answers if code == 200]
    assert sorted(code for code, _ in answers) == [200] * 4 + [409] * 4
    assert len(set(taken)) == 1
    assert len(chosen(db)["query 0"]) == 1
