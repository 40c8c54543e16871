"""In front of every route: a known key for all that is not the page itself, and a strict CSP."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.domain import LoopError
from shared.store import accounts
from shared.store.database import Database
from shared.web import bearer_key, unauthorized, with_headers

OPEN = frozenset({"/", "/healthz"})  # and what lies in static/; every other path needs a key, missing ones included
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware: 401 before the body is read. Puts the Principal at `request.state.principal`."""

    def __init__(self, app: ASGIApp, *, db: Database) -> None:
        self._app = app
        self._db = db

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no websockets here
        request = Request(scope)
        path = request.url.path
        is_open = path in OPEN or path.startswith("/static/")
        refusal = None if is_open else await self._refusal(request)
        headers = {**HEADERS, "Cache-Control": "no-cache" if is_open else "no-store"}
        await (refusal or self._app)(scope, receive, with_headers(send, headers))

    async def _refusal(self, request: Request) -> Response | None:
        key = bearer_key(request)
        if key is None:
            return unauthorized("no key: send `Authorization: Bearer KEY` with the key an operator gave you")
        try:
            principal = await run_in_threadpool(accounts.authenticate, self._db, key)
        except LoopError as error:
            return JSONResponse({"detail": str(error)}, 503)
        if principal is None:
            return unauthorized("this key is not known, or was revoked: ask an operator for one")
        request.state.principal = principal
        return None
