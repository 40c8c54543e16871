"""In front of every route: a known key for all that is not the page itself, and a strict CSP."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain import LoopError
from shared.store import accounts
from shared.store.database import Database

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
        await (refusal or self._app)(scope, receive, _with_headers(send, cache="no-cache" if is_open else "no-store"))

    async def _refusal(self, request: Request) -> Response | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return _unauthorized("no key: send `Authorization: Bearer KEY` with the key an operator gave you")
        try:
            principal = await run_in_threadpool(accounts.authenticate, self._db, key.strip())
        except LoopError as error:
            return JSONResponse({"detail": str(error)}, 503)
        if principal is None:
            return _unauthorized("this key is not known, or was revoked: ask an operator for one")
        request.state.principal = principal
        return None


def _unauthorized(detail: str) -> Response:
    return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})


def _with_headers(send: Send, *, cache: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {**HEADERS, "Cache-Control": cache}.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
