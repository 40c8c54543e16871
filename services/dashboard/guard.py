"""In front of every route: reviewers and above, by key or session, no other site's pages, and a strict CSP."""

from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.domain import Principal, Role
from shared.store.database import Database
from shared.store.sign_ins import LEAST, Page
from shared.web import refused, same_origin, visitor, with_headers

# The sign-in page and what it shows; every other path is behind the key, those that do not exist included.
OPEN = frozenset({"/healthz", "/login", "/static/style.css", "/static/icon.svg"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """ASGI middleware. Refuses with 401 or a way to the sign-in page, 403 for labelers and other sites."""

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
        refusal = await self._refusal(request)
        headers = {**HEADERS, "Cache-Control": "no-store" if request.url.path.startswith("/api/") else "no-cache"}
        await (refusal or self._app)(scope, receive, with_headers(send, headers))

    async def _refusal(self, request: Request) -> Response | None:
        if request.url.path in OPEN:
            foreign = request.method == "POST" and same_origin(request) is False
            return refused(403, "this sign-in does not come from a page of ours") if foreign else None
        found = await visitor(request, self._db, Page.DASHBOARD)
        if isinstance(found, Response):
            to_sign_in = found.status_code == 401 and request.method == "GET" and "authorization" not in request.headers
            asks_for_page = to_sign_in and "text/html" in request.headers.get("accept", "")
            return RedirectResponse("/login", 303) if asks_for_page else found
        if not found.role.at_least(LEAST[Page.DASHBOARD]):
            return refused(403, f"account {found.name!r} is {found.role}: the dashboard opens to reviewers and above")
        request.state.principal = found
        return None


async def _principal(request: Request) -> Principal:
    principal = request.state.principal  # the guard put it there
    assert isinstance(principal, Principal)
    return principal


Me = Annotated[Principal, Depends(_principal)]


async def _operator(me: Me) -> Principal:
    if not me.role.at_least(Role.OPERATOR):
        raise HTTPException(403, f"account {me.name!r} is {me.role}: this takes an operator")
    return me


Operator = Annotated[Principal, Depends(_operator)]
