"""Who is told of what, and from which place on: nothing twice, nothing left out, however transactions overlap."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from shared.domain import LoopError, RewardStatus
from shared.events import ADAPTER, TYPES
from shared.store import events, stops, webhooks
from shared.store.database import Database
from shared.store.events import NOTHING, Occurrence
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, sql

URL = "https://example.org/hook"
START = {kind: events.after(NOTHING, kind) for kind in TYPES}


def said(db: Database, best: int | None = 2) -> int:
    """One more label of ada's, as an import writes it; its id."""
    inserted = "INSERT INTO labels (query_id, labeler_id, best, policy_version) SELECT id, 1, :best, 0 FROM queries "
    free = "WHERE NOT EXISTS (SELECT FROM labels WHERE query_id = queries.id) ORDER BY id LIMIT 1 RETURNING id"
    return int(sql(db, inserted + free, best=best)[0][0])


def retract(db: Database, *labels: int) -> None:
    by = sql(db, "INSERT INTO retractions (by, reason) VALUES ('grace', 'too quick') RETURNING id")[0][0]
    sql(db, "UPDATE labels SET retraction_id = :by WHERE id = ANY(:labels)", by=by, labels=list(labels))


def new(db: Database, limit: int = 100) -> list[Occurrence]:
    """All events there are."""
    return events.since(db, START, events.newest(db), limit=limit)


def types(found: list[Occurrence]) -> list[str]:
    return [occurrence.event.type for occurrence in found]


@contextmanager
def under_way(db: Database, statement: str) -> Iterator[None]:
    """A transaction that has executed the statement, until the block ends."""
    with db.transaction() as session:
        session.execute(text(statement))
        yield


def test_every_event_is_told_with_ids_and_figures_and_without_texts(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0])
    add_person(db)
    retract(db, said(db))
    add_reward(db, 1, RewardStatus.REJECTED)
    add_reward(db, 2)
    add_policy(db, 1, reward_version=2, episodes=64)
    stops.stop(db, by="ada", reason="it swears")
    stops.resume(db, by="grace")
    found = new(db)
    assert types(found) == [
        "policy.published",
        "label.created",
        "label.retracted",
        "reward.rejected",
        "reward.published",
        "policy.published",
        "line.stopped",
        "line.resumed",
    ]
    data = [occurrence.event.data.model_dump(mode="json") for occurrence in found]
    label = {"label_id": 1, "query_id": 1, "lease_id": None, "labeler": "ada", "purpose": "training", "best": 2}
    label |= {"rating": None, "none_acceptable": False, "flag": None, "policy_version": 0}
    assert data[1] == label
    assert data[2] == label | {"retraction_id": 1, "by": "grace"}
    figures = {"reason": "sound", "labels": 9, "held_out": 1, "accuracy": None, "compared": 0}
    assert data[3:5] == [{"version": version, **figures} for version in (1, 2)]
    policy = {"version": 1, "parent": 0, "reward_version": 2, "episodes": 64}
    assert data[5] == policy | {"kl": 1.5, "kl_coef": 0.15, "score": 0.5}
    assert data[6:] == [
        {"stop_id": 1, "by": "ada", "reason": "it swears", "cause": None},
        {"stop_id": 1, "by": "grace"},
    ]
    for occurrence in found:
        assert ADAPTER.validate_json(occurrence.event.model_dump_json()) == occurrence.event


def test_read_in_small_pieces_they_are_the_same(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(8))
    add_person(db)
    labels = [said(db) for _ in range(8)]
    retract(db, *labels[2:7])
    retract(db, labels[7])
    stops.stop(db, by="ada", reason="it swears")
    whole, places = new(db), dict(START)
    pieces: list[Occurrence] = []
    while found := events.since(db, places, events.newest(db), limit=3):
        pieces += found
        places |= {occurrence.event.type: list(occurrence.place) for occurrence in found}
    assert pieces == whole
    assert len(whole) == 1 + 8 + 6 + 1


def test_a_webhook_begins_with_the_present(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(4))
    add_person(db)
    first, second = said(db), said(db)
    retract(db, first, second)
    webhooks.add(db, URL)
    (endpoint,) = webhooks.endpoints(db)
    assert events.since(db, endpoint.places, events.newest(db), limit=9) == []
    retract(db, said(db))
    stops.stop(db, by="ada", reason="it swears")
    found = events.since(db, endpoint.places, events.newest(db), limit=9)
    assert types(found) == ["label.created", "label.retracted", "line.stopped"]


def test_only_what_was_asked_for(db: Database) -> None:
    webhooks.add(db, URL, ["line.stopped"])
    add_policy(db)
    stops.stop(db, by="ada", reason="it swears")
    (endpoint,) = webhooks.endpoints(db)
    assert endpoint.types == ("line.stopped",)
    assert types(events.since(db, endpoint.places, events.newest(db), limit=9)) == ["line.stopped"]


def test_a_slow_transaction_with_a_small_id_is_waited_for(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody else waits: people go on labeling."""
    monkeypatch.setattr(events, "SETTLE_SECONDS", 0.1)
    add_policy(db)
    add_queries(db, range(3))
    add_person(db)
    with under_way(db, "INSERT INTO labels (query_id, labeler_id, best) VALUES (1, 1, 0)"):
        sql(db, "INSERT INTO labels (query_id, labeler_id, best) VALUES (2, 1, 0)")
        assert events.newest(db)["label.created"] == 2
        assert not events.settle(db)
        monkeypatch.setattr(events, "SETTLE_SECONDS", 30.0)
        settled: list[bool] = []
        waiting = threading.Thread(target=lambda: settled.append(events.settle(db)))
        waiting.start()
        start = time.monotonic()
        sql(db, "INSERT INTO labels (query_id, labeler_id, best) VALUES (3, 1, 0)")
        assert time.monotonic() - start < 5
        assert not settled
    waiting.join(timeout=30)
    assert settled == [True]
    created = [occurrence.place for occurrence in new(db) if occurrence.event.type == "label.created"]
    assert created == [(1,), (2,), (3,)]


def test_what_only_reads_is_not_waited_for(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SETTLE_SECONDS", 0.0)
    with under_way(db, "SELECT count(*) FROM labels"), under_way(db, "UPDATE labelers SET leases_taken = 0"):
        assert events.settle(db)


def test_a_place_moves_once_and_failures_are_counted_until_then(db: Database) -> None:
    webhooks.add(db, URL)
    add_policy(db)
    (endpoint,) = webhooks.endpoints(db)
    webhooks.failed(db, endpoint, "500 \0", wait=60)
    webhooks.failed(db, endpoint, "500", wait=60)
    (endpoint,) = webhooks.endpoints(db)
    assert (endpoint.failures, endpoint.error, endpoint.waiting) == (2, "500", True)
    (occurrence,) = events.since(db, endpoint.places, events.newest(db), limit=9)
    moved = webhooks.told(db, endpoint, occurrence)
    assert moved is not None
    assert webhooks.told(db, endpoint, occurrence) is None  # another process was quicker
    (endpoint,) = webhooks.endpoints(db)
    assert (endpoint.places, endpoint.failures, endpoint.error) == (moved.places, 0, None)
    assert events.since(db, endpoint.places, events.newest(db), limit=9) == []


def test_one_that_wants_no_more_stays_in_the_list(db: Database) -> None:
    webhooks.add(db, URL)
    webhooks.end(db, webhooks.endpoints(db)[0], "410 Gone")
    (endpoint,) = webhooks.endpoints(db)
    assert (endpoint.types, endpoint.error) == ((), "410 Gone")
    webhooks.remove(db, URL)
    assert webhooks.endpoints(db) == []


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "https://", "https://a b", "https://a:b/", "https://ü.org", "http://a:0"],
)
def test_what_is_no_address_is_refused(db: Database, url: str) -> None:
    with pytest.raises(LoopError, match="expected an address such as"):
        webhooks.add(db, url)


def test_bad_requests_name_the_way_out(db: Database) -> None:
    with pytest.raises(LoopError, match="holds a user, a password") as caught:
        webhooks.add(db, "https://ada:secret@example.org/")
    assert "secret" not in str(caught.value)
    with pytest.raises(LoopError, match=r"event 'label.made': there is no such event; name some of label.created, "):
        webhooks.add(db, URL, ["label.created", "label.made"])
    with pytest.raises(LoopError, match="no event was named"):
        webhooks.add(db, URL, [])
    webhooks.add(db, URL)
    with pytest.raises(LoopError, match="is there already: remove it first"):
        webhooks.add(db, URL)
    with pytest.raises(LoopError, match="there is no webhook http://b; `prefloop webhook list` names"):
        webhooks.remove(db, "http://b")


def test_secrets_are_long_different_and_not_printed(db: Database) -> None:
    one, other = webhooks.add(db, URL), webhooks.add(db, URL + "2")
    assert one.startswith("whsec_")
    assert len(one) == len("whsec_") + 44  # 32 bytes in base64
    assert one != other
    assert one not in repr(webhooks.endpoints(db))
