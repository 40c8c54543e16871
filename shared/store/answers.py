"""What people say to what was lent to them: answers, skips, and taking the last one back.

Answer and next query are one transaction: either the label is in the store, or nothing happened and the same request
may be sent again.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Executable, Row, and_, bindparam, exists, insert, select, text, update

from shared.domain import Answer, Flag, Lease, LeaseState, Nothing, Receipt, SkipReason
from shared.questions.answers import fault
from shared.settings import LabelSettings
from shared.store import claims
from shared.store.claims import PERSON, Person
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError, last_closed, unknown
from shared.store.tables import Labeler, LabelRow, LeaseRow, Query, Retraction

MINE: Executable = (
    select(
        *PERSON, Labeler.name, LeaseRow.id, LeaseRow.labeler_id, LeaseRow.query_id, LeaseRow.shown, LeaseRow.state,
        Query.purpose, Query.policy_version,
    )
    .join(Labeler, Labeler.id == LeaseRow.labeler_id)
    .join(Query, Query.id == LeaseRow.query_id)
    .where(LeaseRow.id == bindparam("lease_id"), Labeler.id == bindparam("labeler_id"))
    .with_for_update(key_share=True, of=[Labeler, LeaseRow])  # in this order, as everywhere
)  # fmt: skip
LABEL = (
    LabelRow.id, LabelRow.position, LabelRow.rating, LabelRow.none_acceptable, LabelRow.flag, LabelRow.critique,
    LabelRow.created_at,
)  # fmt: skip
STORE = text(
    "WITH done AS (UPDATE leases SET state = 'done', closed_at = clock_timestamp() WHERE id = :lease_id), "
    "counted AS (UPDATE queries SET answers = answers + 1 WHERE id = :query_id) "
    "INSERT INTO labels (query_id, labeler_id, lease_id, purpose, policy_version, best, position, rating, "
    "none_acceptable, flag, critique, seconds) VALUES (:query_id, :labeler_id, :lease_id, :purpose, :policy_version, "
    ":best, :position, :rating, :none_acceptable, :flag, :critique, :seconds) RETURNING id, created_at"
)
RELEASE = text(  # one for training retires where nobody else answered it or holds it
    "WITH skipped AS (UPDATE leases SET state = 'skipped', closed_at = clock_timestamp(), reason = :reason, "
    "note = :note WHERE id = :lease_id) "
    "UPDATE queries SET claims = claims - 1, retired = retired OR (purpose = 'training' AND claims = 1) "
    "WHERE id = :query_id"
)


def answer(db: Database, labeler_id: int, lease_id: str, said: Answer, *, seconds: float) -> Receipt:
    """Store what a person said, which took them `seconds`. The same answer again gets the same receipt.

    After the lease expired it is taken where the place is still free. Raises UnknownLeaseError, AnswerError where it
    does not fit what was shown, and ConflictError where another answer stands, the query was skipped, or it is lost.
    """
    with db.connection() as connection:
        return _answer(connection, _mine(connection, labeler_id, lease_id), said, seconds)


def answer_and_take(
    db: Database, labeler_id: int, lease_id: str, said: Answer, labels: LabelSettings, *, seconds: float
) -> tuple[Receipt, Lease | Nothing]:
    """`answer`, and the next query with it."""
    with db.connection() as connection:
        mine = _mine(connection, labeler_id, lease_id)
        return _answer(connection, mine, said, seconds), _next(connection, labeler_id, mine, labels)


def skip(db: Database, labeler_id: int, lease_id: str, *, reason: SkipReason | None, note: str | None = None) -> None:
    """Give a query back unanswered. The same again does no harm.

    One for training retires where nobody answered or holds it: another query is cheap, another person's time is not.
    Raises UnknownLeaseError, and ConflictError where it was answered or is lost.
    """
    with db.connection() as connection:
        _skip(connection, _mine(connection, labeler_id, lease_id), reason, note)


def skip_and_take(
    db: Database, labeler_id: int, lease_id: str, labels: LabelSettings, *, reason: SkipReason | None, note: str | None
) -> Lease | Nothing:
    """`skip`, and the next query with it."""
    with db.connection() as connection:
        mine = _mine(connection, labeler_id, lease_id)
        _skip(connection, mine, reason, note)
        return _next(connection, labeler_id, mine, labels)


def undo(db: Database, labeler_id: int, lease_id: str, *, seconds: float) -> Lease:
    """Take the labeler's last answer or skip back: the lease is open again, for `seconds`, the next one given back.

    The same again gives the same lease. Raises UnknownLeaseError, and ConflictError where it is not the last one, or
    the place of a skipped query is taken.
    """
    with db.connection() as connection:
        mine = _mine(connection, labeler_id, lease_id)
        held = connection.execute(claims.HELD, {"labeler_id": labeler_id}).one_or_none()
        if held is not None and held.id == lease_id:
            return claims.as_lease(held)
        if last_closed(connection, labeler_id) != lease_id:
            raise ConflictError("this question is not your last answer or skip: only that one can be undone")
        waits = [mine.query_id] + ([] if held is None else [held.query_id])
        connection.execute(
            select(Query.id).where(Query.id.in_(waits)).order_by(Query.id).with_for_update(key_share=True)
        )
        if held is not None:
            connection.execute(claims.GIVE_BACK, {"lease_id": held.id})
        _take_back_answer(connection, mine) if mine.state == LeaseState.DONE else _take_back_skip(connection, mine)
        again = {"state": LeaseState.OPEN, "reason": None, "note": None, "closed_at": None, "expires_at": claims.EXPIRY}
        reopened = update(LeaseRow).where(LeaseRow.id == lease_id).values(again)
        connection.execute(reopened, {"seconds": timedelta(seconds=seconds)})
        return claims.as_lease(connection.execute(claims.HELD, {"labeler_id": labeler_id}).one())


def _mine(connection: Connection, labeler_id: int, lease_id: str) -> Row[Any]:
    """The lease and its labeler, both locked."""
    row = connection.execute(MINE, {"lease_id": lease_id, "labeler_id": labeler_id}).one_or_none()
    if row is None:
        raise unknown(lease_id)
    return row


def _next(connection: Connection, labeler_id: int, mine: Row[Any], labels: LabelSettings) -> Lease | Nothing:
    person = Person(labeler_id, mine.leases_taken, mine.paused, mine.due, mine.halted)
    if mine.state == LeaseState.OPEN:  # it was their only one, and is closed now
        return claims.claim(connection, person, labels)
    return claims.lend(connection, person, labels)


def _answer(connection: Connection, mine: Row[Any], said: Answer, seconds: float) -> Receipt:
    wrong = fault(len(mine.shown), said)
    if wrong is not None:
        raise AnswerError(wrong)
    match mine.state:
        case LeaseState.DONE:
            return _receipt_again(connection, mine.id, said)
        case LeaseState.SKIPPED:
            raise ConflictError("this question was skipped already and cannot be answered: go on with the next one")
        case LeaseState.EXPIRED:
            _claim_again(connection, mine)
    label = {
        "query_id": mine.query_id,
        "labeler_id": mine.labeler_id,
        "lease_id": mine.id,
        "purpose": mine.purpose,
        "policy_version": mine.policy_version,
        "best": None if said.position is None else mine.shown[said.position],
        "position": said.position,
        "rating": said.rating,
        "none_acceptable": said.none_acceptable,
        "flag": said.flag,
        "critique": said.critique,
        "seconds": seconds,
    }
    stored = connection.execute(STORE, label).one()
    return Receipt(stored.id, mine.id, said, stored.created_at)


def _claim_again(connection: Connection, mine: Row[Any]) -> None:
    """The place of an expired lease, where it is free: nobody else took it, and the labeler has no other on the query.

    Nobody's answer counts twice: a lease that stands or a label that does stands for the labeler's place.
    """
    another_lease = exists().where(
        LeaseRow.query_id == Query.id, LeaseRow.labeler_id == mine.labeler_id, LeaseRow.state != LeaseState.EXPIRED
    )
    another_label = exists().where(
        LabelRow.query_id == Query.id, LabelRow.labeler_id == mine.labeler_id, LabelRow.retraction_id.is_(None)
    )
    free = (Query.claims < Query.wanted, ~Query.retired, ~another_lease, ~another_label)
    claimed = update(Query).where(Query.id == mine.query_id, *free).values(claims=Query.claims + 1).returning(Query.id)
    if connection.scalar(claimed) is None:
        raise ConflictError(
            "this question expired and its place is taken, by somebody else or by another lease of yours, or the "
            "query retired: the answer was not taken; go on with the next one"
        )


def _receipt_again(connection: Connection, lease_id: str, said: Answer) -> Receipt:
    last = select(*LABEL).where(LabelRow.lease_id == lease_id).order_by(LabelRow.id.desc()).limit(1)
    label = connection.execute(last).one()
    flag = None if label.flag is None else Flag(label.flag)
    stands = Answer(label.position, label.rating, label.none_acceptable, flag, label.critique)
    if stands != said:
        raise ConflictError(
            f"this question was answered with {_in_words(stands)}, which stands: {_in_words(said)} was not taken; "
            "go on with the next one"
        )
    return Receipt(label.id, lease_id, said, label.created_at)


def _in_words(said: Answer) -> str:
    if said.none_acceptable:
        words = "none acceptable"
    else:
        words = f"rating {said.rating}" if said.position is None else f"position {said.position}"
    if said.flag is not None:
        words += f", flag {said.flag}"
    return words if said.critique is None else f"{words}, critique {said.critique!r:.60}"


def _skip(connection: Connection, mine: Row[Any], reason: SkipReason | None, note: str | None) -> None:
    match mine.state:
        case LeaseState.SKIPPED:
            return
        case LeaseState.DONE:
            raise ConflictError("this question was answered already and cannot be skipped: go on with the next one")
        case LeaseState.EXPIRED:
            raise ConflictError("this question expired, so the query was given back: go on with the next one")
    connection.execute(RELEASE, {"lease_id": mine.id, "query_id": mine.query_id, "reason": reason, "note": note})


def _take_back_answer(connection: Connection, mine: Row[Any]) -> None:
    undone = insert(Retraction).values(by=mine.name, reason="undone").returning(Retraction.id)
    retraction_id = connection.scalars(undone).one()
    standing = (LabelRow.lease_id == mine.id, LabelRow.retraction_id.is_(None))
    connection.execute(update(LabelRow).where(*standing).values(retraction_id=retraction_id))
    connection.execute(update(Query).where(Query.id == mine.query_id).values(answers=Query.answers - 1))


def _take_back_skip(connection: Connection, mine: Row[Any]) -> None:
    place = (Query.id == mine.query_id, Query.claims < Query.wanted)
    again = {"claims": Query.claims + 1, "retired": and_(Query.retired, Query.claims > 0)}  # retired by this skip alone
    if connection.scalar(update(Query).where(*place).values(again).returning(Query.id)) is None:
        raise ConflictError("this skip cannot be undone: somebody else has the question now; go on with the next one")
