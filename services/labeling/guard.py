"""In front of every route: people we know for all that is not the page itself, not too often, and a strict CSP."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.settings import WebSettings
from shared.store.database import Database
from shared.store.sign_ins import Page
from shared.web import RateLimit, address, refused, same_origin, visitor, with_headers

OPEN = frozenset({"/", "/healthz"})  # and what lies in static/; every other path needs a key, missing ones included
SIGN_IN = ("POST", "/api/session")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware: refuses before the body is read. Puts the Principal at `request.state.principal`."""

    def __init__(self, app: ASGIApp, *, db: Database, web: WebSettings) -> None:
        self._app = app
        self._db = db
        self._requests = RateLimit(web.requests_per_minute)
        self._sign_ins = RateLimit(web.sign_ins_per_minute)

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
        if (request.method, request.url.path) == SIGN_IN:
            if same_origin(request) is False:
                return refused(403, "this sign-in does not come from a page of ours")
            return self._sign_ins.refusal(address(request))
        found = await visitor(request, self._db, Page.LABELING)
        if isinstance(found, Response):
            return found
        request.state.principal = found
        return self._requests.refusal(str(found.labeler_id))
