"""The REST API: take a lease, answer or skip it, see one's own progress."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.security import HTTPBearer

from services.labeling import wire
from shared.domain import Principal, Progress, Receipt
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import leases
from shared.store.database import Database

RETRY_AFTER = 0.5  # seconds; a sampling job takes some
CLOSED: dict[int | str, dict[str, Any]] = {
    404: wire.problem("No such lease, or another labeler's: take one with POST /api/leases."),
    409: wire.problem("The lease is answered otherwise or skipped already, and that stands: take the next one."),
    410: wire.problem("The lease expired and the query may be somebody else's: take the next one."),
}
INVALID: dict[int | str, dict[str, Any]] = {422: wire.problem("A field is wrong: `detail` names it.")}


def _principal(request: Request) -> Principal:
    principal = request.state.principal  # the guard put it there
    assert isinstance(principal, Principal)
    return principal


Me = Annotated[Principal, Depends(_principal)]
LeaseId = Annotated[str, Path(pattern=wire.TEXT, description="the `id` of the lease")]


def routes(settings: Settings, db: Database) -> APIRouter:
    """All below /api. The guard has let only known keys through; operators may label too."""
    question = QUESTIONS[settings.labels.kind]
    api = APIRouter(
        prefix="/api",
        dependencies=[Depends(HTTPBearer(auto_error=False, description="a labeler's or an operator's key"))],
        responses={401: wire.problem("No key, or one that is not known."), 503: wire.UNAVAILABLE},
    )

    @api.post("/leases", summary="Take a query", responses=INVALID)
    def take(me: Me, _body: wire.Take) -> wire.Offer:
        """A query that waits for an answer, or the one you have already. None: ask again after `retry_after`."""
        lease = leases.take(db, me.labeler_id, seconds=settings.labels.lease_seconds)
        if lease is None:
            return wire.Offer(lease=None, reason="none_left", retry_after=RETRY_AFTER)
        return wire.Offer(lease=wire.LeasedQuery.of(lease, question), reason=None, retry_after=0)

    @api.post("/leases/{lease_id}/answer", summary="Say which is best, or how good", responses=CLOSED | INVALID)
    def answer(me: Me, lease_id: LeaseId, body: wire.Answer) -> Receipt:
        """The same answer again gets the same receipt: send it until you have one."""
        given = {"position": body.position, "rating": body.rating}
        return leases.answer(db, me.labeler_id, lease_id, **given, seconds=body.seconds)

    @api.post("/leases/{lease_id}/skip", summary="Skip a query", status_code=204, responses=CLOSED | INVALID)
    def skip(me: Me, lease_id: LeaseId, body: wire.Skip) -> None:
        """The query retires unanswered. The same skip again is fine."""
        leases.skip(db, me.labeler_id, lease_id, reason=body.reason)

    @api.get("/me", summary="See your progress")
    def progress(me: Me) -> Progress:
        """How many labels you gave, how many queries you skipped, and how long an answer takes you."""
        return leases.progress(db, me.labeler_id)

    return api
