"""The dashboard: one page, its JSON, the queues, the metrics; all but sign-in and health behind an operator's key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from services.dashboard.guard import Guard
from services.dashboard.metrics import LoopCollector, registry
from services.dashboard.rq_pages import rq_pages
from services.dashboard.session import COOKIE, HOURS, Sessions
from services.dashboard.state import read
from services.dashboard.view import View
from shared.domain import LoopError, Role
from shared.settings import Settings
from shared.store import accounts
from shared.store.database import Database

HERE = Path(__file__).parent
LONGEST_FORM = 4096  # bytes; a key has some 50


def build(settings: Settings, db: Database, depths: Callable[[], Mapping[str, int]]) -> FastAPI:
    """The ASGI app. Raises LoopError where there is no operator's secret to sign sessions with."""
    secret = settings.operator_key.get_secret_value()
    if not secret:
        raise LoopError("operator_key is empty: set PREFLOOP_OPERATOR_KEY (`prefloop env` makes one)")
    app = FastAPI(
        title="prefloop dashboard",
        description="The state of the loop. Send `Authorization: Bearer KEY` with an operator's key.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    sessions = Sessions(secret)
    app.add_middleware(Guard, db=db, sessions=sessions)
    app.add_exception_handler(LoopError, _unavailable)
    _pages(app, settings, db, sessions)
    _data(app, settings, db, depths)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/queues", rq_pages(settings.redis_url.get_secret_value()))
    return app


async def _unavailable(_request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 503)


def _data(app: FastAPI, settings: Settings, db: Database, depths: Callable[[], Mapping[str, int]]) -> None:
    metrics_registry = registry(LoopCollector(lambda: read(db, settings), depths))
    key = [Depends(HTTPBearer(auto_error=False, description="an operator's key"))]
    refusals: dict[int | str, dict[str, Any]] = {
        401: {"description": "no key, or one that is not known"},
        403: {"description": "a labeler's key"},
        503: {"description": "the label store does not answer"},
    }

    @app.get("/api/state", dependencies=key, responses=refusals)
    def state(response: Response) -> View:
        """The loop as it is now: the page asks for this every two seconds."""
        response.headers["Cache-Control"] = "no-store"
        return read(db, settings)

    @app.get("/metrics", dependencies=key, responses=refusals, response_class=Response)
    def metrics() -> Response:
        """The same as Prometheus text."""
        return Response(generate_latest(metrics_registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz", responses={503: refusals[503]})
    def healthz() -> dict[str, str]:
        """Whether the dashboard can read the label store."""
        db.ping()
        return {"status": "ok"}


def _pages(app: FastAPI, settings: Settings, db: Database, sessions: Sessions) -> None:
    templates = Jinja2Templates(directory=HERE / "templates")

    def sign_in_page(request: Request, *, trouble: str = "", status: int = 200) -> Response:
        return templates.TemplateResponse(request, "sign_in.html", {"trouble": trouble}, status_code=status)

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html", {"name": settings.name})

    @app.get("/login", include_in_schema=False, response_class=HTMLResponse)
    def login(request: Request) -> Response:
        return sign_in_page(request)

    @app.post("/login", include_in_schema=False, response_class=HTMLResponse)
    async def sign_in(request: Request) -> Response:
        principal = await run_in_threadpool(accounts.authenticate, db, await _posted_key(request))
        if principal is None:
            return sign_in_page(request, trouble="This key is not known.", status=401)
        if principal.role is not Role.OPERATOR:
            return sign_in_page(request, trouble="This key is a labeler's, not an operator's.", status=403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            sessions.open(principal.name),
            max_age=HOURS * 3600,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @app.post("/logout", include_in_schema=False)
    def sign_out() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


async def _posted_key(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "the form is too long to be a key")
    return parse_qs(body.decode("ascii", "replace")).get("key", [""])[0].strip()
