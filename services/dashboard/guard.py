"""In front of every route: an operator's key or session, no unsafe request from another site, and a strict CSP."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.dashboard.session import COOKIE, Sessions
from shared.domain import LoopError, Role
from shared.store import accounts
from shared.store.database import Database
from shared.web import bearer_key, unauthorized, with_headers

# The sign-in page and what it shows; every other path is behind the key, those that do not exist included.
OPEN = frozenset({"/healthz", "/login", "/static/style.css", "/static/icon.svg"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Guard:
    """ASGI middleware. Refuses with 401 or a way to the sign-in page, 403 for other roles and sites."""

    def __init__(self, app: ASGIApp, *, db: Database, sessions: Sessions) -> None:
        self._app = app
        self._db = db
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no websockets here
        request = Request(scope)
        refusal = _cross_site(request) or await self._refusal(request)
        await (refusal or self._app)(scope, receive, with_headers(send, HEADERS))

    async def _refusal(self, request: Request) -> Response | None:
        if request.url.path in OPEN:
            return None
        if (key := bearer_key(request)) is not None:
            try:
                principal = await run_in_threadpool(accounts.authenticate, self._db, key)
            except LoopError as error:
                return JSONResponse({"detail": str(error)}, 503)
            if principal is None:
                return unauthorized("this key is not known; send an operator's key")
            if principal.role is not Role.OPERATOR:
                return JSONResponse({"detail": "this is a labeler's key; the dashboard needs an operator's"}, 403)
            return None
        if self._sessions.name(request.cookies.get(COOKIE)) is not None:
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return unauthorized("sign in at /login, or send `Authorization: Bearer KEY` with an operator's key")


def _cross_site(request: Request) -> Response | None:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    if request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
        return None
    return JSONResponse({"detail": "refused: the request comes from another site"}, 403)
