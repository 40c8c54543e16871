"""Events on their way to real receivers that answer well, badly, late or not at all."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.webhooks import send, worker
from services.webhooks.worker import Worker
from shared.domain import RewardStatus
from shared.store import stops, webhooks
from shared.store.database import Database
from tests.services.webhooks.receiver import Receiver, receiving
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, sql


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def subscribe(db: Database, receiver: Receiver) -> None:
    receiver.secret = webhooks.add(db, receiver.url)


def look_until(working: Worker, condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        working.look()
        time.sleep(0.01)


def stop_and_resume(db: Database) -> None:
    stops.stop(db, by="ada", reason="it swears")
    stops.resume(db, by="grace")


def test_events_come_signed_and_in_order(db: Database, receiver: Receiver) -> None:
    with Worker(db) as working:
        assert not working.look()
        subscribe(db, receiver)
        add_policy(db)
        add_reward(db, 1, RewardStatus.REJECTED)
        add_reward(db, 2)
        stop_and_resume(db)
        look_until(working, lambda: len(receiver.taken) >= 5)
        add_policy(db, 1, reward_version=2)
        look_until(working, lambda: len(receiver.taken) >= 6)
        assert working.look()
    first = ["policy.published", "reward.rejected", "reward.published", "line.stopped", "line.resumed"]
    assert receiver.types() == [*first, "policy.published"]
    assert len(set(receiver.tries)) == 6


def test_what_is_refused_is_sent_again_under_the_same_id(
    db: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FIRST_SECONDS", 0.01)
    subscribe(db, receiver)
    receiver.answers = [(500, {}), (429, {}), (204, {}), (502, {})]
    stop_and_resume(db)
    with Worker(db) as working:
        look_until(working, lambda: webhooks.endpoints(db)[0].failures == 2)
        assert webhooks.endpoints(db)[0].error == "429 Too Many Requests"
        look_until(working, lambda: len(receiver.taken) == 2)
    assert receiver.types() == ["line.stopped", "line.resumed"]
    stopped, resumed = (name for name, _ in receiver.taken)
    assert receiver.tries == [stopped, stopped, stopped, resumed, resumed]
    assert (webhooks.endpoints(db)[0].failures, webhooks.endpoints(db)[0].error) == (0, None)


def test_tries_come_ever_later_and_never_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(webhooks, "failed", lambda _db, _endpoint, _error, *, wait: waits.append(wait))
    webhooks.add(db, "http://127.0.0.1:9/nobody-is-there")
    stop_and_resume(db)
    with Worker(db) as working:
        for failures in range(8):
            sql(db, "UPDATE webhooks SET failures = :failures", failures=failures)
            look_until(working, lambda: len(waits) > failures)  # noqa: B023 (it is over when the loop goes on)
    most = [5, 20, 80, 320, 1280, 3600, 3600, 3600]
    assert all(0.75 * bound <= wait <= bound for wait, bound in zip(waits, most, strict=False))


def test_a_receiver_says_when_to_come_again(db: Database, receiver: Receiver) -> None:
    subscribe(db, receiver)
    receiver.answers = [(503, {"Retry-After": "600"})]
    stop_and_resume(db)
    with Worker(db) as working:
        look_until(working, lambda: webhooks.endpoints(db)[0].waiting)
        working.look()
    wait = webhooks.endpoints(db)[0].next_try_at - datetime.now(UTC)
    assert timedelta(minutes=9) < wait < timedelta(minutes=10)
    assert len(receiver.tries) == 1


def test_one_that_hangs_holds_nobody_up(db: Database, receiver: Receiver) -> None:
    with receiving() as hanging:
        subscribe(db, hanging)
        subscribe(db, receiver)
        hanging.open.clear()
        stop_and_resume(db)
        with Worker(db) as working:
            look_until(working, lambda: len(receiver.taken) == 2)
            assert (len(hanging.tries), hanging.taken) == (1, [])
            hanging.open.set()
            look_until(working, lambda: len(hanging.taken) == 2)
        assert set(hanging.tries).isdisjoint(receiver.tries)


def test_gone_ends_it_and_a_redirect_is_not_followed(db: Database, receiver: Receiver) -> None:
    subscribe(db, receiver)
    receiver.answers = [(410, {})]
    with receiving() as moved, Worker(db) as working:
        subscribe(db, moved)
        moved.answers = [(308, {"Location": receiver.url})]
        stop_and_resume(db)
        look_until(working, lambda: all(endpoint.error for endpoint in webhooks.endpoints(db)))
        working.look()
    gone, elsewhere = webhooks.endpoints(db)
    assert (gone.types, len(receiver.tries), receiver.taken) == ((), 1, [])
    assert gone.error == "410 Gone: it wants no more events; remove it, and add it again if it does"
    assert elsewhere.waiting
    assert elsewhere.error == "308 Permanent Redirect: redirects are not followed; add the address it leads to"


def test_no_answer_in_time_is_a_failure(db: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "SECONDS", 0.2)
    subscribe(db, receiver)
    receiver.open.clear()
    stop_and_resume(db)
    with Worker(db) as working:
        look_until(working, lambda: webhooks.endpoints(db)[0].waiting)
    assert webhooks.endpoints(db)[0].error == "ReadTimeout: timed out"


def test_nothing_is_left_out_where_slow_transactions_hold_small_ids(db: Database, receiver: Receiver) -> None:
    people, each = 4, 25
    add_policy(db)
    add_queries(db, range(people * each))
    add_person(db)
    subscribe(db, receiver)

    def label(person: int) -> None:
        draw = random.Random(person)
        for query in range(person * each + 1, (person + 1) * each + 1):
            with db.transaction() as session:
                inserted = "INSERT INTO labels (query_id, labeler_id, best) VALUES (:query, 1, 0)"
                session.execute(text(inserted), {"query": query})
                time.sleep(draw.choice([0.0, 0.002, 0.02]))

    labeling = [threading.Thread(target=label, args=(person,)) for person in range(people)]
    with Worker(db) as working:
        for thread in labeling:
            thread.start()
        look_until(working, lambda: len(receiver.taken) == people * each)
        for thread in labeling:
            thread.join()
    assert receiver.labels() == [row[0] for row in sql(db, "SELECT id FROM labels ORDER BY id")]


def test_one_that_is_removed_hears_no_more(db: Database, receiver: Receiver) -> None:
    subscribe(db, receiver)
    receiver.open.clear()
    stop_and_resume(db)
    with Worker(db) as working:
        look_until(working, lambda: len(receiver.tries) == 1)
        webhooks.remove(db, receiver.url)
        receiver.open.set()
        look_until(working, lambda: not working.look() and bool(receiver.taken))
    assert receiver.types() == ["line.stopped"]


def test_what_goes_wrong_beside_comes_up(db: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(send, "send", broken)
    subscribe(db, receiver)
    stop_and_resume(db)
    with Worker(db) as working, pytest.raises(ZeroDivisionError):
        look_until(working, lambda: False)
