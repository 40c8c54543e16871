"""Which query a person is asked next, and how it becomes theirs.

A query is claimed with a counter, `claims`, raised in the statement that finds it: counting leases and then locking
would give one query to two people. Claims and sweeps pass over what is locked, and whoever waits for a query holds no
other, so that nobody waits in a circle.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Interval,
    Row,
    ScalarSelect,
    Update,
    bindparam,
    exists,
    extract,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from shared.domain import EmptyReason, Lease, LeaseState, Nothing, Purpose, Service
from shared.questions.shown import shown_order
from shared.settings import LabelSettings
from shared.store.tables import Labeler, LeaseRow, Query, Response, StopRow

# When to ask again, in seconds: a sampling job takes some and may come before a lease ends, a pause takes minutes.
SOON, BEFORE_LONG, LATER, MUCH_LATER = 0.5, 2.0, 10.0, 60.0

NOW = func.clock_timestamp()
SECONDS_LEFT = extract("epoch", LeaseRow.expires_at - NOW).label("seconds_left")
EXPIRY: ColumnElement[Any] = func.now() + bindparam("seconds", type_=Interval)
DUE = exists().where(LeaseRow.state == LeaseState.OPEN, LeaseRow.expires_at < func.now()).label("due")
TEXTS = (
    select(func.array_agg(aggregate_order_by(Response.text, Response.index)))
    .where(Response.query_id == Query.id)
    .scalar_subquery()
    .label("texts")
)
SEEN = (
    select(LeaseRow.id)
    .where(
        LeaseRow.query_id == Query.id,
        LeaseRow.labeler_id == bindparam("labeler_id"),
        LeaseRow.state != LeaseState.EXPIRED,
    )
    .exists()
)

HALTED = exists().where(StopRow.resumed_at.is_(None), StopRow.service == Service.LABELING).label("halted")
PERSON = (Labeler.leases_taken, Labeler.paused_at.is_not(None).label("paused"), DUE, HALTED)
LOCK = select(*PERSON).where(Labeler.id == bindparam("labeler_id")).with_for_update(key_share=True)
HELD = (
    select(
        LeaseRow.id, LeaseRow.query_id, LeaseRow.shown, LeaseRow.expires_at, SECONDS_LEFT,
        Query.purpose, Query.text, TEXTS,
    )
    .join(Query, Query.id == LeaseRow.query_id)
    .where(LeaseRow.labeler_id == bindparam("labeler_id"), LeaseRow.state == LeaseState.OPEN)
)  # fmt: skip
SWEEP = text(
    "WITH due AS (SELECT leases.id, query_id FROM leases JOIN queries ON queries.id = query_id "
    "WHERE state = 'open' AND expires_at < now() FOR NO KEY UPDATE SKIP LOCKED), "
    "ended AS (UPDATE leases SET state = 'expired', closed_at = now() FROM due WHERE leases.id = due.id), "
    "counted AS (SELECT query_id, count(*) AS n FROM due GROUP BY query_id) "
    "UPDATE queries SET claims = claims - n FROM counted WHERE queries.id = query_id"
)
GIVE_BACK = text(
    "WITH ended AS (UPDATE leases SET state = 'expired', closed_at = clock_timestamp() "
    "WHERE id = :lease_id AND state = 'open' RETURNING query_id) "
    "UPDATE queries SET claims = claims - 1 FROM ended WHERE queries.id = query_id"
)
LEND = text(
    "WITH taken AS (UPDATE labelers SET leases_taken = leases_taken + 1 WHERE id = :labeler_id) "
    "INSERT INTO leases (id, query_id, labeler_id, shown, expires_at) "
    "VALUES (:lease_id, :query_id, :labeler_id, :shown, now() + :seconds) "
    "RETURNING expires_at, extract(epoch FROM expires_at - clock_timestamp()) AS seconds_left"
)
WHY = text(  # `first_back`: seconds until something comes back that others hold and this person could have
    "SELECT (SELECT extract(epoch FROM min(expires_at) - clock_timestamp()) FROM leases "
    "JOIN queries ON queries.id = query_id WHERE state = 'open' AND claims = wanted AND NOT retired AND NOT EXISTS "
    "(SELECT FROM leases AS mine WHERE mine.query_id = queries.id AND mine.labeler_id = :labeler_id "
    "AND mine.state <> 'expired')) AS first_back, "
    "EXISTS (SELECT FROM stops WHERE resumed_at IS NULL AND service IS NULL) AS stopped"
)


@dataclass(frozen=True, slots=True)
class Person:
    """A labeler, whose row is locked: that serialises what their windows do. `due`: somebody's lease is past its time.

    `halted`: an operator paused labeling. `leases_taken` counts the queries ever lent to them.
    """

    id: int
    leases_taken: int
    paused: bool
    due: bool
    halted: bool


def lock(connection: Connection, labeler_id: int) -> Person:
    row = connection.execute(LOCK, {"labeler_id": labeler_id}).one()
    return Person(labeler_id, row.leases_taken, row.paused, row.due, row.halted)


def lend(connection: Connection, person: Person, labels: LabelSettings) -> Lease | Nothing:
    """The person's open lease as it is, or a new one."""
    held = connection.execute(HELD, {"labeler_id": person.id}).one_or_none()
    if held is not None:
        if held.seconds_left > 0:
            return as_lease(held)
        connection.execute(GIVE_BACK, {"lease_id": held.id})
    return claim(connection, person, labels)


def claim(connection: Connection, person: Person, labels: LabelSettings) -> Lease | Nothing:
    """The first query that waits for an answer of this person, who holds none, or why there is none."""
    if person.due:
        connection.execute(SWEEP)
    if person.paused:
        return Nothing(EmptyReason.YOU_ARE_PAUSED, MUCH_LATER)
    if person.halted:
        return Nothing(EmptyReason.PAUSED, LATER)
    purposes = turn(person, gold_share=labels.gold_share, comparison_share=labels.comparison_share)
    found = connection.execute(_claim(purposes), {"labeler_id": person.id}).one_or_none()
    if found is None:
        return _nothing(connection, person)
    seed = found.id if found.position is None else found.position
    new = {
        "lease_id": str(uuid.uuid4()),
        "query_id": found.id,
        "labeler_id": person.id,
        "shown": shown_order(len(found.texts), seed, person.id),
        "seconds": timedelta(seconds=labels.lease_seconds),
    }
    lent = connection.execute(LEND, new).one()
    texts = tuple(found.texts[index] for index in new["shown"])
    return Lease(new["lease_id"], Purpose(found.purpose), found.text, texts, lent.expires_at, float(lent.seconds_left))


def turn(person: Person, *, gold_share: float, comparison_share: float) -> tuple[Purpose, ...]:
    """Purposes of the person's next query, the first that has one. The same draw for the same count of leases."""
    draw = random.Random(f"{person.id}:{person.leases_taken}").random()
    if draw < gold_share:
        return Purpose.GOLD, Purpose.TRAINING, Purpose.COMPARISON
    if draw < gold_share + comparison_share:
        return Purpose.COMPARISON, Purpose.TRAINING
    return Purpose.TRAINING, Purpose.COMPARISON


def as_lease(row: Row[Any]) -> Lease:
    """Of a row of HELD."""
    texts = tuple(row.texts[index] for index in row.shown)
    return Lease(row.id, Purpose(row.purpose), row.text, texts, row.expires_at, max(0.0, float(row.seconds_left)))


@cache
def _claim(purposes: tuple[Purpose, ...]) -> Update:
    # Queries that wait for more answers take their turn: after all that have none, they would never have it while the
    # sampler keeps people busy. Nothing waits for them, and whoever cannot give another answer gets the next query.
    first = func.coalesce(*map(_waiting, purposes))  # it looks no further than the first that is there
    claimed = (Query.id, Query.position, Query.purpose, Query.text, TEXTS)
    return update(Query).where(Query.id == first).values(claims=Query.claims + 1).returning(*claimed)


def _waiting(purpose: Purpose) -> ScalarSelect[int]:
    """The order is that of ix_queries_claimable: the first entry of the index that fits is the one."""
    return (
        select(Query.id)
        .where(Query.purpose == purpose, Query.claims < Query.wanted, ~Query.retired, ~SEEN)
        .order_by(Query.policy_version.desc().nulls_last(), Query.priority.desc(), Query.position, Query.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
        .scalar_subquery()
    )


def _nothing(connection: Connection, person: Person) -> Nothing:
    row = connection.execute(WHY, {"labeler_id": person.id}).one()
    if row.first_back is not None:
        return Nothing(EmptyReason.ALL_LEASED, min(max(SOON, float(row.first_back)), BEFORE_LONG))
    return Nothing(EmptyReason.PAUSED, LATER) if row.stopped else Nothing(EmptyReason.NONE_LEFT, SOON)
