"""The labeling service: one page for people, the REST API it speaks, and the same API for anybody else with a key."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from services.labeling import wire
from services.labeling.api import routes
from services.labeling.guard import Guard
from shared.domain import LoopError
from shared.settings import Settings
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError, ExpiredLeaseError, UnknownLeaseError

HERE = Path(__file__).parent
STATUS: dict[type[Exception], int] = {
    UnknownLeaseError: 404,
    ConflictError: 409,
    ExpiredLeaseError: 410,
    AnswerError: 422,
    LoopError: 503,  # any other: the store does not answer
}


def build(settings: Settings, db: Database) -> FastAPI:
    """The ASGI app."""
    app = FastAPI(
        title="prefloop labeling",
        description="Take a query, say what it asks. Send `Authorization: Bearer KEY` with your key.",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, db=db)
    app.add_exception_handler(LoopError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(400, _unreadable)
    app.include_router(routes(settings, db))
    _page(app, settings.name)
    app.mount("/static", StaticFiles(directory=HERE / "static"))

    @app.get("/healthz", summary="Whether the service works", responses={503: wire.UNAVAILABLE})
    def healthz() -> wire.Health:
        """`ok` where the label store answers. Needs no key."""
        db.ping()
        return wire.Health(status="ok")

    return app


def _page(app: FastAPI, name: str) -> None:
    templates = Jinja2Templates(directory=HERE / "templates")

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html", {"name": name})


async def _refused(_request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)


async def _invalid(_request: Request, error: Exception) -> Response:
    """One sentence a wrong field, as in every other error; FastAPI's own is a list of objects."""
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": "; ".join(map(wire.explain, error.errors()))}, 422)


async def _unreadable(_request: Request, _error: Exception) -> Response:
    """FastAPI gives 400 for some bodies that are no JSON and 422 for others: one code is enough."""
    return JSONResponse({"detail": wire.NOT_JSON}, 422)
