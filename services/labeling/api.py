"""The REST API of leases: take a query, answer, skip, keep or undo it, see one's own progress."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from shared import wire
from shared.domain import LabelKind, Lease, Nothing, Principal, Purpose, Receipt
from shared.live import Live
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import answers, leases, stops
from shared.store.database import Database

UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: wire.problem("No such lease, or another labeler's: take one with POST /api/leases."),
}
INVALID: dict[int | str, dict[str, Any]] = {422: wire.problem("A field is wrong: `detail` names it.")}
KEY = Depends(HTTPBearer(auto_error=False, description="a labeler's or an operator's key"))
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: wire.problem("No key and no session, or one that is not known or over."),
    403: wire.problem("A browser's session, used by another site's page."),
    429: wire.problem("Too many requests: try again after `Retry-After` seconds."),
    503: wire.UNAVAILABLE,
}


def _conflict(description: str) -> dict[int | str, dict[str, Any]]:
    return UNKNOWN | {409: wire.problem(description)} | INVALID


async def _principal(request: Request) -> Principal:
    principal = request.state.principal  # the guard put it there
    assert isinstance(principal, Principal)
    return principal


Me = Annotated[Principal, Depends(_principal)]
LeaseId = Annotated[str, Path(max_length=100, pattern=wire.TEXT, description="the `id` of the lease")]


def me(db: Database, labeler_id: int) -> wire.Me:
    """Who is asking, as the API says it."""
    return wire.Me(
        progress=leases.progress(db, labeler_id),
        stopped=stops.standing(db),
        paused=leases.why_paused(db, labeler_id),
    )


def routes(settings: Settings, db: Database) -> APIRouter:
    """All below /api that is about leases. The guard has let only known people through; operators may label too."""
    api = APIRouter(prefix="/api", dependencies=[KEY], responses=REFUSALS)
    live, kind = Live(db, settings), settings.labels.kind
    _lending(api, live, kind, db)
    _closing(api, live, kind, db)

    @api.get("/me", summary="See who you are and your progress")
    def progress(principal: Me) -> wire.Me:
        """What you did, how long an answer takes you, whether the line is stopped, and whether you are paused."""
        return me(db, principal.labeler_id)

    return api


def _lending(api: APIRouter, live: Live, kind: LabelKind, db: Database) -> None:
    @api.post("/leases", summary="Take a query", responses=INVALID)
    def take(me: Me, _body: wire.Take) -> wire.Offer:
        """A query that waits for an answer, or the one you have already. None: ask again after `retry_after`."""
        return _offer(leases.take(db, me.labeler_id, live.settings().labels), kind)

    @api.post(
        "/leases/{lease_id}/renew",
        summary="Keep a query for longer",
        responses=_conflict("The lease is closed, or expired and lost: take the next one."),
    )
    def renew(me: Me, lease_id: LeaseId, _body: wire.Take) -> wire.Renewed:
        """The lease lasts as long again, from now on."""
        renewal = leases.renew(db, me.labeler_id, lease_id, seconds=live.settings().labels.lease_seconds)
        return wire.Renewed(expires_at=renewal.expires_at, seconds_left=renewal.seconds_left)


def _closing(api: APIRouter, live: Live, kind: LabelKind, db: Database) -> None:
    @api.post(
        "/leases/{lease_id}/answer",
        summary="Say which is best, or how good",
        responses=_conflict("Another answer stands, or the lease was skipped or lost: take the next one."),
    )
    async def answer(me: Me, lease_id: LeaseId, body: wire.Answer) -> wire.Answered:
        """The same answer again gets the same receipt: send it until you have one."""
        # A coroutine, unlike the others: for a plain function FastAPI changes threads twice, and this is asked most.
        told = (db, me.labeler_id, lease_id, body.said())
        if not body.next:
            receipt = await run_in_threadpool(answers.answer, *told, seconds=body.seconds)
            return wire.Answered(receipt=receipt, next=None)

        def answer_and_take() -> tuple[Receipt, Lease | Nothing]:
            return answers.answer_and_take(*told, live.settings().labels, seconds=body.seconds)

        receipt, found = await run_in_threadpool(answer_and_take)
        return wire.Answered(receipt=receipt, next=_offer(found, kind))

    @api.post(
        "/leases/{lease_id}/skip",
        summary="Skip a query",
        responses=_conflict("The lease was answered already, or is lost: take the next one."),
    )
    def skip(me: Me, lease_id: LeaseId, body: wire.Skip) -> wire.Skipped:
        """You are not asked it again. The same skip again is fine."""
        if not body.next:
            answers.skip(db, me.labeler_id, lease_id, reason=body.reason, note=body.note)
            return wire.Skipped(lease_id=lease_id, next=None)
        labels = live.settings().labels
        found = answers.skip_and_take(db, me.labeler_id, lease_id, labels, reason=body.reason, note=body.note)
        return wire.Skipped(lease_id=lease_id, next=_offer(found, kind))

    @api.post(
        "/leases/{lease_id}/undo",
        summary="Take your last answer or skip back",
        responses=_conflict("It is not your last one, or somebody else has the query now."),
    )
    def undo(me: Me, lease_id: LeaseId, _body: wire.Take) -> wire.LeasedQuery:
        """The query is yours again, and the next one given back. The same again gives the same."""
        return _lent(answers.undo(db, me.labeler_id, lease_id, seconds=live.settings().labels.lease_seconds), kind)


def _offer(found: Lease | Nothing, kind: LabelKind) -> wire.Offer:
    if isinstance(found, Nothing):
        return wire.Offer.nothing(found)
    return wire.Offer(lease=_lent(found, kind), reason=None, retry_after=0)


def _lent(lease: Lease, kind: LabelKind) -> wire.LeasedQuery:
    """Of a comparison people are asked which is better, whatever the loop asks for."""
    return wire.LeasedQuery.of(lease, QUESTIONS[LabelKind.PAIRWISE if lease.purpose == Purpose.COMPARISON else kind])
