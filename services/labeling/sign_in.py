"""The page's session: a key or an invitation becomes a cookie that no script can read."""

from fastapi import APIRouter, HTTPException, Request, Response

from services.labeling.api import INVALID, KEY, REFUSALS, me
from shared import wire
from shared.store import sign_ins
from shared.store.database import Database
from shared.store.sign_ins import Page
from shared.web import keep_signed_in, sign_out

UNKNOWN = "this {} is not known, was used, has expired or was revoked: ask an operator for a new one"


def routes(db: Database) -> APIRouter:
    api = APIRouter(prefix="/api/session", responses=REFUSALS)

    @api.post("", summary="Sign in", responses=INVALID)
    def sign_in(request: Request, response: Response, body: wire.SignIn) -> wire.Me:
        """Sets a cookie that lasts for 30 days, less where the key expires sooner. An invitation is used up by it."""
        if body.key is not None:
            signed_in = sign_ins.with_key(db, body.key, Page.LABELING)
        else:
            signed_in = sign_ins.with_invitation(db, body.invitation or "", Page.LABELING)
        if signed_in is None:
            what = "key" if body.key is not None else "invitation"
            raise HTTPException(401, UNKNOWN.format(what), {"WWW-Authenticate": "Bearer"})
        keep_signed_in(request, response, Page.LABELING, signed_in)
        return me(db, signed_in.principal.labeler_id)

    @api.delete("", summary="Sign out", status_code=204, dependencies=[KEY])
    def end(request: Request, response: Response) -> None:
        """The session that the cookie opens is over."""
        sign_out(request, response, Page.LABELING, db)

    return api
