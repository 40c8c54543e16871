"""The labeling service: one page for people, the REST API it speaks, and the same API for anybody else with a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from services.labeling import api, line, sign_in
from services.labeling.guard import Guard
from services.labeling.page import add_page
from shared import wire
from shared.domain import LoopError
from shared.settings import Settings
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError, UnknownLeaseError
from shared.web import Identified, invalid, refused, unreadable

THREADS = 8  # a process; each may hold a connection, and PostgreSQL has 100 of them for all
STATUS: dict[type[Exception], int] = {
    UnknownLeaseError: 404,
    ConflictError: 409,
    AnswerError: 422,
    LoopError: 503,  # any other: the store does not answer
}


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def build(settings: Settings, db: Database) -> FastAPI:
    """The ASGI app."""
    app = FastAPI(
        lifespan=_few_threads,
        title="prefloop labeling",
        description="Take a query, say what it asks. Send `Authorization: Bearer KEY` with your key.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, db=db, web=settings.web)
    app.add_middleware(Identified)
    app.add_exception_handler(LoopError, _refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(400, unreadable)
    for router in (api.routes(settings, db), sign_in.routes(db), line.routes(db)):
        app.include_router(router)
    add_page(app, settings)

    @app.get("/healthz", summary="Whether the service works", responses={503: wire.UNAVAILABLE})
    def healthz() -> wire.Health:
        """`ok` where the label store answers. Needs no key."""
        db.ping()
        return wire.Health(status="ok")

    return app


async def _refused(_request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return refused(status, str(error))
