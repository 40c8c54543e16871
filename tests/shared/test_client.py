"""The client against the labeling service as it runs, with connections that break and answers that get lost."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from services.labeling.app import build
from shared import client as module
from shared.client import (
    ConflictError,
    InvalidError,
    LabelingClient,
    RefusedError,
    UnansweredError,
    UnknownKeyError,
    UnknownLeaseError,
)
from shared.domain import EmptyReason, Flag, LoopError, Role, SkipReason
from shared.settings import Settings
from shared.store import accounts
from shared.store.database import Database
from shared.wire import LeasedQuery, Offer
from tests.shared.store.rows import add_policy, add_queries, sql
from tests.web import served

LOST = 0  # the service does what was asked, and the connection breaks before it can say so


@dataclass
class Troubles:
    """What becomes of the next requests: LOST, or a code with a Retry-After. Each does what was asked all the same."""

    next: list[tuple[int, int]] = field(default_factory=list)


class Troubled:
    """Between client and service."""

    def __init__(self, app: ASGIApp, troubles: Troubles) -> None:
        self._app = app
        self._troubles = troubles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._troubles.next:
            await self._app(scope, receive, send)
            return
        code, retry_after = self._troubles.next.pop(0)

        async def nowhere(_: object) -> None:
            pass

        await self._app(scope, receive, nowhere)
        headers = [(b"retry-after", str(retry_after).encode())]
        if code == LOST:  # fewer bytes than were announced: the connection closes
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"{"})
            return
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"detail": "later"}'})


@dataclass
class Service:
    url: str
    keys: dict[str, str]
    troubles: Troubles
    slept: list[float] = field(default_factory=list)

    def client(self, name: str = "ada", *, patience: float = 120.0) -> LabelingClient:
        return LabelingClient(self.url, self.keys[name], patience=patience, sleep=self.slept.append)


@pytest.fixture
def service(db: Database) -> Iterator[Service]:
    keys = {name: accounts.create_account(db, name, Role.LABELER) for name in ("ada", "grace")}
    add_policy(db)
    add_queries(db, range(4))
    troubles = Troubles()
    app = build(Settings(name="test"), db)
    app.add_middleware(Troubled, troubles=troubles)
    with served(app) as url:
        yield Service(url, keys, troubles)


def lease_of(offer: Offer | None) -> LeasedQuery:
    assert offer is not None
    assert offer.lease is not None
    return offer.lease


def test_a_day_of_labeling(db: Database, service: Service) -> None:
    with service.client() as ada:
        first = lease_of(ada.take())
        assert first.query == "query 0"
        assert sorted(first.responses) == ["0.0", "0.1", "0.2", "0.3"]
        answered = ada.answer(first.id, position=2, flag=Flag.ALL_ALIKE, critique="dull", seconds=2.5, next=True)
        assert (answered.receipt.lease_id, answered.receipt.answer.position) == (first.id, 2)
        assert ada.undo(first.id).id == first.id
        assert ada.answer(first.id, none_acceptable=True, seconds=1).next is None
        second = lease_of(ada.take())
        skipped = ada.skip(second.id, reason=SkipReason.UNSURE, note="too long", next=True)
        third = lease_of(skipped.next)
        assert ada.renew(third.id).seconds_left > 1
        stopped = ada.stop("it swears")
        me = ada.me()
    assert (me.progress.name, me.progress.labels, me.progress.skipped) == ("ada", 1, 1)
    assert me.stopped == stopped
    assert sql(db, "SELECT flag, critique, none_acceptable, retraction_id FROM labels ORDER BY id") == [
        ("all_alike", "dull", False, 1),
        (None, None, True, None),
    ]
    assert sql(db, "SELECT reason, note FROM leases WHERE state = 'skipped'") == [("unsure", "too long")]


def test_the_docstrings_example_works(service: Service) -> None:
    example = re.search(r"\n\n((?:    .*\n)+)", module.__doc__ or "")
    assert example is not None
    code = "if True:\n" + example[1].replace("http://127.0.0.1:8080", service.url)
    exec(code, {"LabelingClient": LabelingClient, "key": service.keys["ada"]})  # it is ours
    with service.client() as ada:
        assert ada.me().progress.labels == 4
        assert ada.take().reason == EmptyReason.NONE_LEFT


def test_what_got_lost_is_sent_again_and_done_once(db: Database, service: Service) -> None:
    troubles = [(LOST, 0), (500, 0), (429, 7), (503, 0), (LOST, 0)]
    with service.client() as ada:
        service.troubles.next = list(troubles)
        first = lease_of(ada.take())
        service.troubles.next = list(troubles)
        answered = ada.answer(first.id, position=1, seconds=1, next=True)
        again = ada.answer(first.id, position=1, seconds=1, next=True)
        assert (again.receipt, lease_of(again.next).id) == (answered.receipt, lease_of(answered.next).id)
        service.troubles.next = list(troubles)
        skipped = ada.skip(lease_of(answered.next).id, next=True)
        service.troubles.next = list(troubles)
        ada.undo(skipped.lease_id)
        service.troubles.next = list(troubles)
        stop = ada.stop("it swears")
        assert ada.stop("again") == stop
    assert sql(db, "SELECT count(*) FROM labels") == [(1,)]
    assert sql(db, "SELECT count(*), count(*) FILTER (WHERE state = 'open') FROM leases") == [(3, 1)]
    assert sql(db, "SELECT count(*) FROM stops") == [(1,)]
    assert len(service.slept) == 5 * len(troubles)
    assert service.slept[2] == 7
    assert all(0 < wait <= module.LONGEST_PAUSE or wait == 7 for wait in service.slept)


def test_refusals_have_types_and_say_why(service: Service) -> None:
    with service.client() as ada, service.client("grace") as grace:
        lease = lease_of(ada.take())
        ada.answer(lease.id, position=1, seconds=1)
        with pytest.raises(ConflictError, match=rf"/api/leases/{lease.id}/answer refused: 409 ") as conflict:
            ada.answer(lease.id, position=2, seconds=1)
        assert "was answered with position 1, which stands" in conflict.value.detail
        with pytest.raises(UnknownLeaseError, match="404"):
            grace.answer(lease.id, position=2, seconds=1)
        with pytest.raises(InvalidError, match="422"):
            grace.answer(lease_of(grace.take()).id, position=7, seconds=1)
    with LabelingClient(service.url, "nobody's") as nobody, pytest.raises(UnknownKeyError, match="401"):
        nobody.me()
    assert issubclass(UnknownKeyError, RefusedError)
    assert service.slept == []


def test_patience_ends(service: Service) -> None:
    service.troubles.next = [(503, 600)]
    with service.client(patience=60) as ada, pytest.raises(UnansweredError, match=r"503 .*later.*: is the labeling"):
        ada.me()
    with LabelingClient("http://127.0.0.1:9", "key", patience=0.1) as nowhere, pytest.raises(UnansweredError):
        nowhere.me()


def test_another_server_is_no_labeling_service(service: Service) -> None:
    a_page = service.url + "/?"
    with LabelingClient(a_page, "key") as lost, pytest.raises(LoopError, match="200 is no answer of a labeling"):
        lost.me()
