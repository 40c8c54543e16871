"""Labels of others on their way into the store."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.domain import LoopError, Role
from shared.exchange.records import Record
from shared.store.database import Database, storable
from shared.store.exports import Selection, stream
from shared.store.tables import Labeler, LabelRow, Query, Response, Retraction, Run

BATCH = 500  # records written at once
NOBODY = "imported"  # the account of labels whose labeler is not known

LOCK = text("LOCK TABLE retractions IN ROW EXCLUSIVE MODE")  # before labels, in the order of queries.watermark
# Labels that several people gave to one imported query count as answers of one query: it is held out as a whole.
RECOUNT = text(
    "UPDATE queries SET wanted = n, claims = n, answers = n "
    "FROM (SELECT query_id, count(*) AS n FROM labels GROUP BY query_id HAVING count(*) > 1) AS counted "
    "WHERE queries.id = counted.query_id AND queries.position < 0 AND queries.answers <> n"
)


@dataclass(frozen=True, slots=True)
class Imported:
    """Labels that were stored, and those that the store had already."""

    stored: int
    known: int


def add(db: Database, records: Iterable[Record], *, source: str, labeler: str | None = None) -> Imported:
    """Store labels of others, all or none, on queries for training below position 0, which nobody is asked.

    They are the labels of those whom they name, or all of `labeler`'s; accounts that are not there are made, without a
    key. A record whose tokens, answer and labeler a label of the store's has is that label, and is not stored again: as
    often as there are such labels, so that the same file twice is one file, and what it holds twice stays twice.
    Memory holds some digests of 16 bytes for each label of the store and the file, and a batch of records.
    `source` is named where labels come retracted. LoopError where there is no loop.
    """
    with db.transaction() as session:
        session.execute(LOCK)
        if session.get(Run, 1, with_for_update=True) is None:  # one import at a time: two would take the same positions
            raise LoopError("this store holds no loop yet: run `prefloop migrate`")
        importing = _Import(session, source, labeler)
        left = iter(records)
        while batch := list(islice(left, BATCH)):
            importing.store(batch)
        session.execute(RECOUNT)
        return Imported(importing.stored, importing.known)


Place = tuple[bytes, int]  # what is asked, and how many labels of the same person the same question had before


@dataclass(slots=True)
class _Import:
    session: Session
    source: str
    labeler: str | None
    stored: int = 0
    known: int = 0
    labels: Counter[bytes] = field(init=False)  # in the store, by what they say, not yet met in the file
    given: Counter[bytes] = field(init=False)  # on imported queries, by what was asked and whom
    queries: dict[Place, int] = field(init=False)  # imported ones
    position: int = field(init=False)  # the lowest so far
    now: datetime = field(init=False)
    people: dict[str, int] = field(default_factory=dict)
    retraction: int | None = None

    def __post_init__(self) -> None:
        self.labels, self.given, self.queries = Counter(), Counter(), {}
        for record in stream(self.session, Selection(include_retracted=True)):
            assert record.query_id is not None
            assert record.query_position is not None  # a check of the table's: all queries for training have one
            self.labels[_says(record, record.labeler or NOBODY)] += 1
            if record.query_position < 0:
                self.queries[self._place(record, record.labeler or NOBODY)] = record.query_id
        lowest, self.now = self.session.execute(select(func.min(Query.position), func.now())).one()
        self.position = min(lowest or 0, 0)

    def store(self, batch: list[Record]) -> None:
        new = [(record, person) for record in batch if self._is_new(record, person := self._person(record))]
        placed = [(record, person, self._place(record, person)) for record, person in new]
        fresh: dict[Place, Record] = {}
        for record, _, place in placed:
            if place not in self.queries:
                fresh.setdefault(place, record)
        if fresh:
            self._ask(fresh)
        rows = [self._label(record, person, self.queries[place]) for record, person, place in placed]
        if rows:
            self.session.execute(insert(LabelRow), rows)
        self.stored += len(rows)

    def _is_new(self, record: Record, person: str) -> bool:
        says = _says(record, person)
        if self.labels[says] == 0:
            return True
        self.labels[says] -= 1
        self.known += 1
        return False

    def _place(self, record: Record, person: str) -> Place:
        """Where a label belongs: a person answers a query once, so their next label is of another query like it."""
        asked = _digest(_asked(record))
        of_theirs = _digest((asked, person))
        self.given[of_theirs] += 1
        return asked, self.given[of_theirs]

    def _ask(self, fresh: dict[Place, Record]) -> None:
        """Queries as they are once answered: nobody else is asked."""
        queries = [
            {
                "position": self.position - number,
                "text": storable(record.query.text),
                "tokens": list(record.query.tokens),
                **dict.fromkeys(("wanted", "claims", "answers"), 1),
            }
            for number, record in enumerate(fresh.values(), 1)
        ]
        self.position -= len(queries)
        ids = self.session.scalars(insert(Query).returning(Query.id, sort_by_parameter_order=True), queries).all()
        responses = [
            {"query_id": id_, "index": index, "text": storable(response.text), "tokens": list(response.tokens)}
            for id_, record in zip(ids, fresh.values(), strict=True)
            for index, response in enumerate(record.responses)
        ]
        self.session.execute(insert(Response), responses)
        self.queries.update(zip(fresh, ids, strict=True))

    def _label(self, record: Record, person: str, query_id: int) -> dict[str, Any]:
        return {
            "query_id": query_id,
            "labeler_id": self._account(person),
            "best": record.best,
            "position": record.shown,
            "rating": record.rating,
            "none_acceptable": record.none_acceptable,
            "flag": record.flag,
            "critique": None if record.critique is None else storable(record.critique),
            "seconds": record.seconds,
            "retraction_id": self._retracted() if record.retracted else None,
            "created_at": record.created_at or self.now,
        }

    def _person(self, record: Record) -> str:
        return storable(self.labeler or record.labeler or NOBODY)

    def _account(self, name: str) -> int:
        if name not in self.people:
            made = upsert(Labeler).values(name=name, role=Role.LABELER).on_conflict_do_nothing()
            self.session.execute(made)
            self.people[name] = self.session.scalars(select(Labeler.id).where(Labeler.name == name)).one()
        return self.people[name]

    def _retracted(self) -> int:
        if self.retraction is None:
            row = Retraction(by="import", reason=storable(f"retracted before {self.source} was imported"))
            self.session.add(row)
            self.session.flush()
            self.retraction = row.id
        return self.retraction


def _says(record: Record, person: str) -> bytes:
    return _digest((_asked(record), record.best, record.rating, record.none_acceptable, person))


def _asked(record: Record) -> object:
    return record.query.tokens, tuple(response.tokens for response in record.responses)


def _digest(value: object) -> bytes:
    return hashlib.blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=16).digest()
