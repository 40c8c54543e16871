"""Accounts over HTTP: operators make and end those of roles below their own, admins all."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from services.dashboard.guard import Operator
from shared import wire
from shared.domain import Principal, Role
from shared.store import accounts, sign_ins
from shared.store.accounts import Account
from shared.store.database import Database

INVALID: dict[int | str, dict[str, Any]] = {422: wire.problem("A field is wrong: `detail` names it.")}
UNKNOWN: dict[int | str, dict[str, Any]] = {404: wire.problem("There is no account of this name.")}
CONFLICT: dict[int | str, dict[str, Any]] = {409: wire.problem("There is an account of this name with another role.")}


class NewAccount(wire.Body):
    name: Annotated[str, Field(pattern=accounts.NAME)]
    role: Role


class Invited(BaseModel):
    """Somebody may sign in, once, within a week: at `/#invite=...` of the labeling page, or here in place of a key."""

    name: str
    role: Role
    invitation: str


def routes(db: Database) -> APIRouter:
    api = APIRouter(prefix="/api/accounts")

    @api.get("")
    def listed(_me: Operator) -> list[Account]:
        """All accounts, with what may be seen of their keys."""
        return accounts.listed(db)

    @api.post("", responses=CONFLICT | INVALID)
    def invite(me: Operator, body: NewAccount) -> Invited:
        """Invite somebody; the account is made where it is new. The invitation is never to be seen again."""
        _allow(me, body.role)
        return Invited(name=body.name, role=body.role, invitation=sign_ins.invite(db, body.name, body.role))

    @api.post("/{name}/revoke", status_code=204, responses=UNKNOWN | INVALID)
    def revoke(me: Operator, name: str) -> None:
        """Refuse all its keys, sessions and invitations from now on. What it labeled stays."""
        _allow(me, accounts.role_of(db, name))
        accounts.revoke(db, name)

    return api


def _allow(me: Principal, role: Role) -> None:
    """403 unless this role is one that `me` may make and end."""
    if me.role is not Role.ADMIN and role.at_least(me.role):
        raise HTTPException(403, f"account {me.name!r} is {me.role}: accounts of role {role} take an admin")
