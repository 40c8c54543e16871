"""The dashboard: one page, its JSON, the queues, the metrics; all but sign-in and health behind a key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.staticfiles import StaticFiles

from services.dashboard import accounts, comparisons, health, line, people, samples, sign_in, steering, timeline
from services.dashboard.guard import Guard, Me
from services.dashboard.metrics import LoopCollector, registry
from services.dashboard.rq_pages import rq_pages
from services.dashboard.sign_in import TEMPLATES
from services.dashboard.state import read
from services.dashboard.view import View
from shared import wire
from shared.domain import LoopError, Role
from shared.settings import Settings
from shared.store.accounts import AccountConflictError, UnknownAccountError
from shared.store.database import Database
from shared.store.lineage import UnknownVersionError
from shared.store.steering import RefusedError
from shared.web import Identified, invalid, refused, unreadable

STATIC = Path(__file__).parent / "static"
STATUS: dict[type[Exception], int] = {
    UnknownAccountError: 404,
    UnknownVersionError: 404,
    AccountConflictError: 409,
    RefusedError: 409,
    LoopError: 503,  # any other: the store does not answer
}
KEY = [Depends(HTTPBearer(auto_error=False, description="a reviewer's or an operator's key"))]
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: wire.problem("No key and no session, or one that is not known or over."),
    403: wire.problem("The account's role is too low, or another site's page used a browser's session."),
    503: wire.UNAVAILABLE,
}


def build(settings: Settings, db: Database, depths: Callable[[], Mapping[str, int]]) -> FastAPI:
    """The ASGI app. `depths`: messages waiting, by queue."""
    app = FastAPI(
        title="prefloop dashboard",
        description="The state of the loop. Send `Authorization: Bearer KEY` with a reviewer's or operator's key.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, db=db)
    app.add_middleware(Identified)
    app.add_exception_handler(LoopError, _refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(400, unreadable)
    _page(app, settings)
    _data(app, settings, db, depths)
    app.include_router(sign_in.routes(settings.web, db))
    for router in (
        health.routes(db, settings, depths),
        line.routes(db),
        steering.routes(settings, db),
        accounts.routes(db),
        people.routes(db),
        comparisons.routes(db),
        samples.routes(db),
        timeline.routes(db),
    ):
        app.include_router(router, dependencies=KEY, responses=REFUSALS)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/queues", rq_pages(settings.redis_url.get_secret_value()))
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return refused(status, str(error))


def _data(app: FastAPI, settings: Settings, db: Database, depths: Callable[[], Mapping[str, int]]) -> None:
    metrics_registry = registry(LoopCollector(db, settings, depths))

    @app.get("/api/state", dependencies=KEY, responses=REFUSALS)
    def state() -> View:
        """The loop as it is now: the page asks for this every two seconds."""
        return read(db, settings)

    @app.get("/metrics", dependencies=KEY, responses=REFUSALS, response_class=Response)
    def metrics() -> Response:
        """The same as Prometheus text."""
        return Response(generate_latest(metrics_registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz", responses={503: REFUSALS[503]})
    def healthz() -> dict[str, str]:
        """Whether the dashboard can read the label store."""
        db.ping()
        return {"status": "ok"}


def _page(app: FastAPI, settings: Settings) -> None:
    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page(request: Request, me: Me) -> Response:
        shown = {"name": settings.name, "operator": me.role.at_least(Role.OPERATOR)}
        return TEMPLATES.TemplateResponse(request, "page.html", shown)
