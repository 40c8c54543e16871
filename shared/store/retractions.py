"""Taking labels back: they are marked, never deleted, and no reward model is trained on them from then on."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from shared.domain import LoopError, Purpose
from shared.store import accounts, gold
from shared.store.database import Database, storable
from shared.store.tables import Labeler, LabelRow, Retraction

# Gold answers stand: they are never trained on, and say how far a person is to be trusted.
RETRACTABLE = (LabelRow.retraction_id.is_(None), LabelRow.purpose != Purpose.GOLD)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which labels: those to which all that is given applies.

    `since` is the first moment, `until` the first one after. `below_gold`: of people whose share of right gold answers
    is surely below it.
    """

    labeler: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label_ids: Collection[int] = ()
    below_gold: float | None = None


@dataclass(frozen=True, slots=True)
class Retracted:
    """How many labels of whom; the retraction's id, None where it was only tried."""

    id: int | None
    labels: Mapping[str, int]

    @property
    def count(self) -> int:
        return sum(self.labels.values())


def retract(db: Database, choice: Choice, *, by: str, reason: str, dry_run: bool = False) -> Retracted:
    """Take the chosen labels back; with `dry_run` only say which they are.

    A query whose label is taken back is not asked again: the loop has fewer labels, so it asks the newest policy's.
    LoopError where nothing is chosen, a name or a label is not there, or no label is left to take back.
    """
    if choice == Choice():
        raise LoopError("no labels are chosen: name a labeler, labels, or a share of right gold answers")
    retraction = Retraction(by=storable(by), reason=storable(reason))
    with db.transaction() as session:
        conditions = _conditions(db, session, choice)
        session.add(retraction)
        session.flush()
        marking = update(LabelRow).where(*conditions).values(retraction_id=retraction.id)
        marked = session.execute(marking.returning(LabelRow.id, LabelRow.labeler_id)).all()
        if left := set(choice.label_ids) - {label_id for label_id, _ in marked}:
            raise LoopError(f"labels {', '.join(map(str, sorted(left)))} are not there to take back: leave them out")
        if not marked:
            raise LoopError("none of the labels chosen stands, or all are gold answers: there is nothing to take back")
        names = {row.id: row.name for row in session.execute(select(Labeler.id, Labeler.name))}
        if dry_run:
            session.rollback()
    counts = Counter(names[labeler_id] for _, labeler_id in marked)
    return Retracted(None if dry_run else retraction.id, dict(sorted(counts.items())))


def _conditions(db: Database, session: Session, choice: Choice) -> list[ColumnElement[bool]]:
    conditions = [*RETRACTABLE]
    if choice.labeler is not None:
        conditions.append(LabelRow.labeler_id == accounts.find(session, choice.labeler).id)
    if choice.since is not None:
        conditions.append(LabelRow.created_at >= choice.since)
    if choice.until is not None:
        conditions.append(LabelRow.created_at < choice.until)
    if choice.label_ids:
        conditions.append(LabelRow.id.in_(choice.label_ids))
    if choice.below_gold is not None:
        names = gold.surely_below(db, choice.below_gold)
        conditions.append(LabelRow.labeler_id.in_(select(Labeler.id).where(Labeler.name.in_(names))))
    return conditions
