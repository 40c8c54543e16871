"""Addresses that are told of events, and up to where each was told."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain import LoopError
from shared.events import TYPES, EventType
from shared.store import events
from shared.store.database import Database, storable
from shared.store.events import Occurrence
from shared.store.tables import Webhook


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and its state. `places`: the last event of each type that it was told.

    `waiting`: it failed, and its next try lies ahead. `types` is empty where it said that it wants no more.
    """

    id: int
    url: str
    secret: str = field(repr=False)
    types: tuple[EventType, ...]
    places: dict[EventType, list[int]]
    failures: int
    error: str | None
    next_try_at: datetime
    waiting: bool

    @property
    def name(self) -> str:
        """For logs: a path may be as good as a password."""
        return f"webhook {self.id} ({urlsplit(self.url).hostname})"


def add(db: Database, url: str, types: Sequence[str] = TYPES) -> str:
    """Tell `url` of events of these types from now on. Returns the secret that signs them.

    LoopError for an address that is no http(s) one or holds a password, one that is there, and unknown types.
    """
    _check(url)
    wanted = [kind for kind in TYPES if kind in types]
    if unknown := sorted(set(types) - set(TYPES)):
        raise LoopError(f"event {unknown[0]!r}: there is no such event; name some of {', '.join(TYPES)}")
    if not wanted:
        raise LoopError(f"no event was named: name some of {', '.join(TYPES)}")
    newest = events.newest(db)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    places = {kind: events.after(newest[kind], kind) for kind in wanted}
    new = insert(Webhook).values(url=url, secret=secret, events=wanted, cursors=places)
    with db.transaction() as session:
        if session.scalar(new.on_conflict_do_nothing().returning(Webhook.id)) is None:
            raise LoopError(f"webhook {url} is there already: remove it first to change it")
    return secret


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not (url.isascii() and url.isprintable()) or " " in url:
        raise LoopError(f"webhook {url!r}: expected an address such as https://example.org/hook")
    if "@" in parts.netloc or parts.fragment:
        raise LoopError(
            "webhook: the address holds a user, a password or a fragment; leave them out, the signature says who we are"
        )


def remove(db: Database, url: str) -> None:
    """Tell it nothing any more. LoopError where there is no such webhook."""
    with db.transaction() as session:
        if session.scalar(delete(Webhook).where(Webhook.url == url).returning(Webhook.id)) is None:
            raise LoopError(f"there is no webhook {url}; `prefloop webhook list` names those that are there")


def endpoints(db: Database) -> list[Endpoint]:
    """All of them, in the order in which they were added."""
    waiting = Webhook.next_try_at > func.now()
    with db.transaction() as session:
        rows = session.execute(select(Webhook, waiting).order_by(Webhook.id))
        return [_endpoint(row, waiting=waits) for row, waits in rows]


def told(db: Database, endpoint: Endpoint, occurrence: Occurrence) -> Endpoint | None:
    """It took the event. Returns its new state; None where it was removed, or told by another process, meanwhile."""
    places = {**endpoint.places, occurrence.event.type: list(occurrence.place)}
    unmoved = (Webhook.id == endpoint.id, Webhook.cursors == endpoint.places)
    moved = update(Webhook).where(*unmoved).values(cursors=places, failures=0, error=None).returning(Webhook.id)
    with db.transaction() as session:
        if session.scalar(moved) is None:
            return None
    return replace(endpoint, places=places, failures=0, error=None)


def failed(db: Database, endpoint: Endpoint, error: str, *, wait: float) -> None:
    """It did not take the event: the next try comes in `wait` seconds."""
    next_try = func.now() + text("make_interval(secs => :wait)").bindparams(wait=wait)
    values = {"failures": Webhook.failures + 1, "error": storable(error), "next_try_at": next_try}
    with db.transaction() as session:
        session.execute(update(Webhook).where(Webhook.id == endpoint.id).values(values))


def end(db: Database, endpoint: Endpoint, error: str) -> None:
    """It wants no more: it stays in the list, with the reason, until somebody removes it."""
    with db.transaction() as session:
        values = {"events": [], "cursors": {}, "error": storable(error)}
        session.execute(update(Webhook).where(Webhook.id == endpoint.id).values(values))


def _endpoint(row: Webhook, *, waiting: bool) -> Endpoint:
    return Endpoint(
        id=row.id,
        url=row.url,
        secret=row.secret,
        types=tuple(kind for kind in TYPES if kind in row.events),
        places={kind: row.cursors[kind] for kind in TYPES if kind in row.cursors},
        failures=row.failures,
        error=row.error,
        next_try_at=row.next_try_at,
        waiting=waiting,
    )
