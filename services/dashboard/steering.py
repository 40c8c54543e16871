"""Steering over HTTP: going back, retraining, trying again, pruning, changing settings; and who did what."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.dashboard.guard import Operator
from shared import wire
from shared.domain import Action
from shared.settings import CHANGEABLE, Settings
from shared.store import actions, audit, overriding, steering
from shared.store.audit import Entry
from shared.store.database import Database

REFUSED: dict[int | str, dict[str, Any]] = {
    409: wire.problem("It cannot be done now: `detail` says why, and what can."),
    422: wire.problem("A field is wrong: `detail` names it."),
}
Reason = Annotated[str, Field(max_length=2000, pattern=wire.TEXT, description="for the other operators; may be empty")]
Version = Annotated[int, Field(strict=True, ge=0, lt=2**31)]


class Asked(wire.Body):
    """Why it is done."""

    reason: Reason = ""


class RollbackBody(Asked):
    """A pair of versions to go back to."""

    policy: Version
    reward: Annotated[Version | None, Field(description="null: the r that the policy was trained with")] = None


class PruneBody(Asked):
    """Remove the weights of versions that nothing uses."""

    dry_run: Annotated[bool, Field(strict=True, description="only say what would go")] = False


class SettingBody(Asked):
    """A setting and its new value, or that it shall be again as the loop was started."""

    key: Annotated[str, Field(max_length=100, description="as in `ppo.lr`")]
    value: Annotated[Any, Field(description="as JSON; left out where it is reset")] = None
    reset: Annotated[bool, Field(strict=True)] = False


class AuditView(BaseModel):
    actions: list[Entry] = Field(description="the newest first; stops and resumes are among them")


class SettingView(BaseModel):
    key: str
    value: Any = Field(description="now")
    started: Any = Field(description="what the loop was started with")
    changed: bool
    description: str


class SettingsView(BaseModel):
    settings: list[SettingView] = Field(description="those that may change while the loop runs")


def routes(settings: Settings, db: Database) -> APIRouter:
    """`settings`: what the loop was started with."""
    api = APIRouter(prefix="/api")
    _acting(api, db)
    _settings(api, settings, db)

    @api.get("/actions", responses={422: REFUSED[422]})
    def done(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AuditView:
        """Who did what to the loop, and what came of it."""
        return AuditView(actions=audit.trail(db, limit=limit))

    return api


def _acting(api: APIRouter, db: Database) -> None:
    @api.post("/rollback", responses=REFUSED)
    def rollback(me: Operator, body: RollbackBody) -> Action:
        """Make an earlier pair of versions live. Jobs under way are canceled; training goes on from there."""
        return steering.rollback(db, policy=body.policy, reward=body.reward, by=me.name, reason=body.reason)

    @api.post("/retrain", responses=REFUSED)
    def retrain(me: Operator, body: Asked) -> Action:
        """Have r trained once more on all labels, beside the label schedule."""
        return steering.retrain(db, by=me.name, reason=body.reason)

    @api.post("/retry", responses=REFUSED)
    def retry(me: Operator, body: Asked) -> Action:
        """Give the jobs that failed at every attempt another try."""
        return steering.retry(db, by=me.name, reason=body.reason)

    @api.post("/prune", responses=REFUSED)
    def prune(me: Operator, body: PruneBody) -> Action:
        """Have old checkpoints removed, none that is in use. A sampler does it: `result` comes with the action."""
        return steering.ask_prune(db, by=me.name, reason=body.reason, dry_run=body.dry_run)


def _settings(api: APIRouter, settings: Settings, db: Database) -> None:
    @api.get("/settings")
    def listed() -> SettingsView:
        """All settings that may change while the loop runs, as they are now."""
        changed = actions.overrides(db)
        return SettingsView(settings=[_view(settings, key, changed) for key in CHANGEABLE])

    @api.post("/settings", responses=REFUSED)
    def change(me: Operator, body: SettingBody) -> Action:
        """Change one, from the next job, tick or question on."""
        if body.reset:
            return overriding.reset_setting(db, settings, body.key, by=me.name, reason=body.reason)
        return overriding.set_setting(db, settings, body.key, body.value, by=me.name, reason=body.reason)


def _view(settings: Settings, key: str, changed: dict[str, Any]) -> SettingView:
    section, name = key.split(".")
    field = type(getattr(settings, section)).model_fields[name]
    started = overriding.setting(settings, key)
    return SettingView(
        key=key,
        value=changed.get(key, started),
        started=started,
        changed=key in changed,
        description=field.description or "",
    )
