"""The sign-in page: a key, or an invitation in its place, becomes a cookie that no script can read."""

from pathlib import Path
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.templating import Jinja2Templates

from shared.settings import WebSettings
from shared.store import sign_ins
from shared.store.database import Database
from shared.store.sign_ins import Page, RoleError, SignedIn
from shared.web import RateLimit, address, keep_signed_in, sign_out

TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")
LONGEST_FORM = 4096  # bytes; a key has some 50


def routes(web: WebSettings, db: Database) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    tries = RateLimit(web.sign_ins_per_minute)

    @pages.get("/login", response_class=HTMLResponse)
    def login(request: Request) -> Response:
        return _page(request)

    @pages.post("/login", response_class=HTMLResponse)
    async def sign_in(request: Request) -> Response:
        seconds = tries.wait(address(request))
        if seconds is not None:
            return _page(request, 429, f"Too many tries: wait for {seconds} s.", {"Retry-After": str(seconds)})
        secret = await _posted_key(request)
        try:
            signed_in = await run_in_threadpool(_signed_in, db, secret)
        except RoleError as error:
            return _page(request, 403, f"{error}.")
        if signed_in is None:
            return _page(request, 401, "This key is not known.")
        answer = RedirectResponse("/", 303)
        keep_signed_in(request, answer, Page.DASHBOARD, signed_in)
        return answer

    @pages.post("/logout")
    def end(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        sign_out(request, answer, Page.DASHBOARD, db)
        return answer

    return pages


def _signed_in(db: Database, secret: str) -> SignedIn | None:
    by_key = sign_ins.with_key(db, secret, Page.DASHBOARD)
    return by_key or sign_ins.with_invitation(db, secret, Page.DASHBOARD)


def _page(request: Request, status: int = 200, trouble: str = "", headers: dict[str, str] | None = None) -> Response:
    return TEMPLATES.TemplateResponse(
        request, "sign_in.html", {"trouble": trouble}, status_code=status, headers=headers
    )


async def _posted_key(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "the form is too long to be a key")
    return parse_qs(body.decode("ascii", "replace")).get("key", [""])[0].strip()
