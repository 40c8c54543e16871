"""A loop with labels in its store, written as rows: what files of labels are compared with."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from shared.domain import Role
from shared.exchange.records import Passage, Record, Written
from shared.settings import Settings, load_settings
from shared.store import exports, loop
from shared.store.database import Database
from shared.store.exports import Selection
from shared.store.tables import Base, Labeler, LabelRow, Policy, Query, Response, Retraction
from tests.models import tiny_model

EVERYTHING = Selection(include_retracted=True)
OF_ITS_LOOP = {"label_id": None, "query_id": None, "query_position": None, "policy_version": None}


def settings(**more: str) -> Settings:
    chosen = {
        "model.ref_policy": str(tiny_model()),
        "task.query_tokens": "12",
        "task.response_tokens": "6",
        "task.truncate_after": "0",
    }
    return load_settings(
        overrides={**chosen, **{key.replace("__", "."): value for key, value in more.items()}}, environ={}
    )


def begin(db: Database, **more: str) -> None:
    """A new loop in place of what was there."""
    with db.transaction() as session:
        session.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))
    loop.start(db, settings(**more))


def record(number: int = 0, n: int = 4, **more: Any) -> Record:
    """A label of `ada`'s, unlike those of other numbers; tokens as no tokenizer would make them of the text."""
    given = {
        "query": Passage(text=f"query {number}", tokens=(number % 250, 7)),
        "responses": tuple(Written(text=f"{number}.{i}", tokens=(number % 250, i)) for i in range(n)),
        "labeler": "ada",
        "seconds": 2.5,
        "created_at": datetime(2024, 5, 1, 12, 0, number % 60, tzinfo=UTC),
    }
    if not {"rating", "none_acceptable"} & set(more):
        given["best"] = number % n
    return Record.model_validate({**given, **more})


def add(db: Database, records: Iterable[Record], *, policy_version: int = 0) -> list[int]:
    """The records as labels that this loop collected; their ids."""
    ids = []
    with db.transaction() as session:
        if session.get(Policy, policy_version) is None:
            figures = {"path": "policy", "sha256": "0" * 64, "episodes": 0, "kl_coef": 0.1}
            session.add(Policy(version=policy_version, **figures))
        first = session.execute(text("SELECT coalesce(max(position), -1) + 1 FROM queries")).scalar_one()
        for position, given in enumerate(records, first):
            person = session.scalar(select(Labeler).where(Labeler.name == given.labeler))
            if person is None:
                person = Labeler(name=given.labeler, role=Role.LABELER)
            query = Query(position=position, policy_version=policy_version, text=given.query.text)
            query.tokens, query.claims, query.answers = list(given.query.tokens), 1, 1
            back = Retraction(by="ada", reason="undone") if given.retracted else None
            session.add_all([person, query, *([back] if back else [])])
            session.flush()
            for index, response in enumerate(given.responses):
                row = Response(query_id=query.id, index=index, policy_version=policy_version, text=response.text)
                row.tokens = list(response.tokens)
                session.add(row)
            said = given.model_dump(include={"best", "rating", "none_acceptable", "flag", "critique", "seconds"})
            label = LabelRow(query_id=query.id, labeler_id=person.id, policy_version=policy_version, **said)
            label.position, label.created_at = given.shown, given.created_at or datetime.now(UTC)
            label.retraction_id = back.id if back else None
            session.add(label)
            session.flush()
            ids.append(label.id)
    return ids


def kept(records: Iterable[Record]) -> list[Record]:
    """What a file keeps of labels: not their ids in the loop they come from, nor which of its policies wrote what."""
    return [
        found.model_copy(
            update={
                **OF_ITS_LOOP,
                "responses": tuple(y.model_copy(update={"policy_version": None}) for y in found.responses),
            }
        )
        for found in records
    ]


def labels(db: Database, selection: Selection = EVERYTHING) -> list[Record]:
    return list(exports.labels(db, selection))
