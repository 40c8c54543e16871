"""What both web services do with requests and answers: see who asks, refuse, count, add headers."""

import math
import time
import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi.exceptions import RequestValidationError
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import telemetry, tracing, wire
from shared.domain import LoopError, Principal
from shared.store import accounts, sign_ins
from shared.store.database import Database
from shared.store.sign_ins import LASTS, Page, SignedIn

# Cookies do not know ports: both services may have one on the same host.
COOKIES = {Page.LABELING: "prefloop_labeling", Page.DASHBOARD: "prefloop_session"}
SAFE = ("GET", "HEAD", "OPTIONS")


async def visitor(request: Request, db: Database, page: Page) -> Principal | Response:
    """Who asks, by an API key or the page's cookie; or the refusal.

    A browser sends the cookie along whoever made it ask, so a request with it that changes something must come from
    a page of ours.
    """
    key, token = bearer_key(request), request.cookies.get(COOKIES[page])
    if key is None and token is None:
        return unauthorized("sign in, or send `Authorization: Bearer KEY` with the key an operator gave you")
    if key is None and request.method not in SAFE and not same_origin(request):
        return refused(403, "this request does not come from a page of ours: send a key instead of a cookie")
    try:
        if key is not None:
            found = await run_in_threadpool(accounts.authenticate, db, key)
        else:
            found = await run_in_threadpool(sign_ins.authenticate, db, token or "", page)
    except LoopError as error:
        return refused(503, str(error))
    if found is None:
        return unauthorized("this key or session is not known, is over or was revoked: ask an operator for a new one")
    telemetry.note(account=found.name)
    return found


def bearer_key(request: Request) -> str | None:
    """The key of `Authorization: Bearer KEY`; None where there is none of that kind."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def same_origin(request: Request) -> bool | None:
    """Whether the browser says that a page of ours, or its user, sent this. None where nothing is said: a program."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")  # browsers leave the other out over plain HTTP
    return None if origin is None else urlsplit(origin).netloc == request.headers.get("host")


def keep_signed_in(request: Request, response: Response, page: Page, signed_in: SignedIn) -> None:
    response.set_cookie(
        COOKIES[page],
        signed_in.token,
        max_age=int(LASTS[page].total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def sign_out(request: Request, response: Response, page: Page, db: Database) -> None:
    """End the session that the request's cookie opens, and forget the cookie."""
    token = request.cookies.get(COOKIES[page])
    if token is not None:
        sign_ins.sign_out(db, token, page)
    response.delete_cookie(COOKIES[page], httponly=True, samesite="strict")


class Identified:
    """ASGI middleware, the outermost: an id for every request, in its log records, its span and its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = uuid.uuid4().hex
        telemetry.begin(request=known)
        above = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"}
        about = {"request": known, "path": scope["path"]}
        with tracing.span(scope["method"], about, kind="server", parent=above) as span:
            await self._app(scope, receive, with_headers(send, {"X-Request-ID": known}))
            if span is not None and "route" in scope:
                span.update_name(f"{scope['method']} {scope['route'].path}")


class RateLimit:
    """So many requests a minute of each account or address, counted in this process in a sliding window."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def wait(self, whose: str) -> int | None:
        """Count a request. None where it may pass; else after how many seconds to try again."""
        if self._limiter.hit(self._item, whose):
            return None
        free_at = self._limiter.get_window_stats(self._item, whose).reset_time
        return max(1, math.ceil(free_at - time.time()))

    def refusal(self, whose: str) -> Response | None:
        """Count a request. None where it may pass."""
        seconds = self.wait(whose)
        return None if seconds is None else too_many(seconds)


def address(request: Request) -> str:
    """Where the request comes from; behind a proxy, what it says, as far as uvicorn trusts it."""
    return request.client.host if request.client else "unknown"


async def invalid(_request: Request, error: Exception) -> Response:
    """One sentence a wrong field, as in every other error; FastAPI's own is a list of objects."""
    assert isinstance(error, RequestValidationError)
    return refused(422, "; ".join(map(wire.explain, error.errors())))


async def unreadable(_request: Request, _error: Exception) -> Response:
    """FastAPI gives 400 for some bodies that are no JSON and 422 for others: one code is enough."""
    return refused(422, wire.NOT_JSON)


def refused(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)


def unauthorized(detail: str) -> Response:
    return refused(401, detail, {"WWW-Authenticate": "Bearer"})


def too_many(seconds: int) -> Response:
    return refused(429, f"too many requests: try again in {seconds} s", {"Retry-After": str(seconds)})


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Add headers to the response, where it has not set its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = MutableHeaders(scope=message)
            for name, value in headers.items():
                own.setdefault(name, value)
        await send(message)

    return sending
