"""Every kind of label over the REST API: what is asked, answered and kept."""

from typing import Any

import httpx
import pytest

from services.labeling.app import build
from shared.domain import LabelKind, Purpose, Role
from shared.settings import LabelSettings
from shared.store import accounts
from shared.store.database import Database
from tests.services.labeling.conftest import asking, labeling_with
from tests.services.labeling.rows import add_queries, chosen, ratings
from tests.shared.store.rows import add_measuring
from tests.web import served

RATING = asking(LabelKind.RATING, 1)


def take(client: httpx.Client) -> dict[str, Any]:
    lease: dict[str, Any] = client.post("/api/leases", json={}).json()["lease"]
    return lease


def answer(client: httpx.Client, lease: dict[str, Any], **said: object) -> httpx.Response:
    return client.post(f"/api/leases/{lease['id']}/answer", json={**said, "seconds": 1})


@pytest.mark.parametrize(
    ("kind", "responses", "question"),
    [
        (LabelKind.BEST_OF, 2, "Which response is best?"),
        (LabelKind.BEST_OF, 8, "Which response is best?"),
        (LabelKind.PAIRWISE, 2, "Which response is better?"),
    ],
)
def test_choices_over_the_api(db: Database, kind: LabelKind, responses: int, question: str) -> None:
    add_queries(db, ["one"], responses=responses)
    with labeling_with(asking(kind, responses), db) as labeling, labeling.client(labeling.ada) as ada:
        lease = take(ada)
        assert (lease["kind"], lease["question"], lease["scale"]) == (kind, question, None)
        assert len(lease["responses"]) == responses
        last = responses - 1
        refused = answer(ada, lease, position=responses)
        assert refused.status_code == 422
        assert f"send one of 0 to {last}" in refused.json()["detail"]
        receipt = answer(ada, lease, position=last)
        assert receipt.status_code == 200
        assert receipt.json()["receipt"]["answer"]["position"] == last
    assert chosen(db) == {"one": [lease["responses"][last]]}


def test_ratings_over_the_api(db: Database) -> None:
    add_queries(db, ["one"], responses=1)
    with labeling_with(RATING, db) as labeling, labeling.client(labeling.ada) as ada:
        lease = take(ada)
        assert (lease["kind"], lease["question"]) == ("rating", "How good is this response?")
        assert lease["scale"] == {"levels": 7, "low": "very bad", "high": "very good"}
        assert lease["responses"] == ["answer 0 to one."]
        for said, wrong in (
            ({"position": 0}, "position 0 was sent, but the one response shown is to be rated"),
            ({"rating": 3, "position": 0}, "position 0 was sent"),
            ({}, "rating is missing: send `rating` alone, 1 (very bad) to 7 (very good)"),
            ({"rating": 8}, "rating 8 is not on the scale"),
            ({"rating": 10**30}, "rating"),
            ({"rating": 0}, "rating: Input should be greater than or equal to 1 (got 0)"),
            ({"rating": 2.5}, "rating: Input should be a valid integer"),
        ):
            refused = answer(ada, lease, **said)
            assert (refused.status_code, wrong in refused.json()["detail"]) == (422, True), refused.text
        receipt = answer(ada, lease, rating=6)
        assert receipt.json()["receipt"]["answer"]["rating"] == 6
        assert answer(ada, lease, rating=6).json() == receipt.json()
        other = answer(ada, lease, rating=5)
        assert other.status_code == 409
        assert "was answered with rating 6" in other.json()["detail"]
        assert ada.get("/api/me").json()["progress"]["labels"] == 1
    assert ratings(db) == {"one": 6}


def test_of_a_comparison_the_better_one_is_asked_and_gold_looks_like_all_others(db: Database) -> None:
    """Whatever the loop asks for; neither says that it measures."""
    add_queries(db, ["one"], responses=1)
    add_measuring(db, Purpose.COMPARISON, ["compared"])
    add_measuring(db, Purpose.GOLD, ["known"], responses=1)
    asked: dict[str, tuple[str, str, set[str]]] = {}
    for share in ({"comparison_share": 1.0}, {"gold_share": 1.0}, {}):
        labels = LabelSettings(kind=LabelKind.RATING, **{"comparison_share": 0, "gold_share": 0, **share})
        with served(build(RATING.model_copy(update={"labels": labels}), db)) as url:
            key = accounts.create_account(db, f"person {len(asked)}", Role.LABELER)
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
                lease = take(client)
                asked[lease["query"]] = (lease["kind"], lease["question"], set(lease))
                said = {"rating": 1} if lease["scale"] else {"position": 0}
                assert answer(client, lease, **said).status_code == 200
    fields = asked["one"][2]
    assert asked == {
        "one": ("rating", "How good is this response?", fields),
        "known": ("rating", "How good is this response?", fields),
        "compared": ("pairwise", "Which response is better?", fields),
    }
