"""Which processes are there: each says so every few seconds, with a few facts about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.store.database import Database
from shared.store.tables import ServiceRow

FORGOTTEN_SECONDS = 3600  # a process not seen for so long is history


@dataclass(frozen=True, slots=True)
class Process:
    """`instance` is host/pid. `silent_seconds`: since its last sign of life."""

    service: str
    instance: str
    started_at: datetime
    seen_at: datetime
    silent_seconds: float
    facts: Mapping[str, Any]


def seen(db: Database, service: str, instance: str, facts: Mapping[str, Any]) -> None:
    """A sign of life."""
    row = insert(ServiceRow).values(service=service, instance=instance, facts=dict(facts))
    with db.transaction() as session:
        session.execute(
            row.on_conflict_do_update(
                index_elements=["service", "instance"],
                set_={"seen_at": func.clock_timestamp(), "facts": dict(facts)},
            )
        )


def forget(db: Database, service: str, gone: Callable[[str], bool]) -> None:
    """Strike out the processes of a service of which `gone(instance)` says that they ended without a word."""
    with db.transaction() as session:
        for row in session.scalars(select(ServiceRow).where(ServiceRow.service == service)):
            if gone(row.instance):
                session.delete(row)


def left(db: Database, service: str, instance: str) -> None:
    """It ends in order: nobody needs to wait for its next sign."""
    with db.transaction() as session:
        session.execute(delete(ServiceRow).where(ServiceRow.service == service, ServiceRow.instance == instance))


def processes(db: Database) -> list[Process]:
    """By service, the newest process first."""
    silent = func.extract("epoch", func.clock_timestamp() - ServiceRow.seen_at)
    with db.snapshot() as session:
        rows = session.execute(
            select(ServiceRow, silent)
            .where(silent < FORGOTTEN_SECONDS)
            .order_by(ServiceRow.service, ServiceRow.started_at.desc())
        ).all()
        return [
            Process(row.service, row.instance, row.started_at, row.seen_at, float(seconds), row.facts)
            for row, seconds in rows
        ]
