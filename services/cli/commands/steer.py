"""`rollback`, `retrain`, `retry`, `set`, `prune`, `actions`: what operators do to a loop, whether it runs or not."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.commands.line import by_option
from services.cli.commands.options import json_option, say, store_option
from shared.domain import LoopError

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.store.database import Database


def steering_options(command: Callable[..., None]) -> Callable[..., None]:
    """Who does it to which loop, and why."""
    reason = click.option("--reason", default="", help="For the other operators.")
    return reason(by_option(store_option(command)))


@click.command()
@click.option("--policy", type=click.IntRange(min=0), required=True, help="The version to go back to.")
@click.option("--reward", type=click.IntRange(min=1), help="Default: the r that the policy was trained with.")
@steering_options
def rollback(path: Path | None, policy: int, reward: int | None, by: str, reason: str) -> None:
    """Go back to an earlier pair of policy and reward model: training goes on from that policy's trainer state.

    Jobs under way are canceled, and nobody is asked any more what the abandoned policies said. What was trained since
    stays, so that one can go forward again in the same way.
    """
    from services.cli.opened import opened
    from shared.store import steering

    with opened(path) as (db, _):
        done = steering.rollback(db, policy=policy, reward=reward, by=by, reason=reason)
    came, scoring = done.result or {}, done.detail["reward"]
    with_ = "no reward model" if scoring is None else f"reward {scoring}"
    say(f"live are policy {policy} and {with_}; {came['retired']} open queries retired")
    say(f"canceled: {', '.join(came['canceled']) or 'nothing was under way'}")


@click.command()
@steering_options
def retrain(path: Path | None, by: str, reason: str) -> None:
    """Train the reward model once more, now, on all labels there are."""
    from services.cli.opened import opened
    from shared.store import steering

    with opened(path) as (db, _):
        done = steering.retrain(db, by=by, reason=reason)
    say(f"action {done.id}: the reward model is trained as soon as its trainer is free; `prefloop actions` follows it")


@click.command()
@steering_options
def retry(path: Path | None, by: str, reason: str) -> None:
    """Give jobs that failed at every attempt another try."""
    from services.cli.opened import opened
    from shared.store import steering

    with opened(path) as (db, _):
        done = steering.retry(db, by=by, reason=reason)
    say(f"tried again: {', '.join(done.detail['jobs'])}")


@click.command("set")
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--reset", is_flag=True, help="Let it be again as the loop was started with it.")
@steering_options
def set_(path: Path | None, key: str | None, value: str | None, reset: bool, by: str, reason: str) -> None:
    """Change a setting of a running loop, from the next job or question on: `set ppo.lr 1e-5`.

    Without KEY: the settings that may change, as they are now.
    """
    from services.cli.opened import opened, started_with
    from shared.store import overriding

    with opened(path) as (db, _):
        started = started_with(db)
        if key is None:
            say(_settings(db, started))
            return
        if reset == (value is not None):
            raise LoopError(f"set {key}: give a value, or --reset, one of them")
        if reset:
            done = overriding.reset_setting(db, started, key, by=by, reason=reason)
            now = overriding.setting(started, key)
        else:
            asked = None if str(value).lower() == "none" else value
            done = overriding.set_setting(db, started, key, asked, by=by, reason=reason)
            now = done.detail["value"]
    say(f"{key} is {_shown(now)}; it was {_shown(done.detail['was'])}")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@steering_options
def prune(path: Path | None, dry_run: bool, by: str, reason: str) -> None:
    """Remove the weights of old versions, and what killed attempts left. Never of a version in use.

    keep.newest and keep.every say what stays beside those in use: the live pair, what comparisons, open queries and
    unfinished jobs name, and the reward model of each policy that stays.
    """
    from services.cli.opened import opened, started_with
    from shared.live import current
    from shared.store import keeping, steering

    with opened(path) as (db, _):
        going = keeping.spare(db, current(db, started_with(db)).keep)
        done = steering.ask_prune(db, by=by, reason=reason, dry_run=dry_run)
    policies, rewards = (", ".join(map(str, sorted(one))) or "none" for one in (going.policies, going.rewards))
    say(f"policies {policies}; rewards {rewards} {'would go' if dry_run else 'go as soon as a sampler is free'}")
    say(f"action {done.id}: `prefloop actions` shows what came of it, leftovers of killed attempts and bytes included")


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many of the newest.")
@json_option
@store_option
def actions(path: Path | None, limit: int, as_data: bool) -> None:
    """Who did what to the loop, the newest first: stops, rollbacks, changed settings and the like."""
    from services.cli.opened import opened
    from shared.store import audit

    with opened(path) as (db, _):
        found = audit.trail(db, limit=limit)
    if as_data:
        say(json.dumps([asdict(entry) for entry in found], default=datetime.isoformat))
        return
    for entry in found:
        about = "".join(f" {key}={_shown(value)}" for key, value in entry.detail.items() if value is not None)
        said = [f"{entry.created_at:%Y-%m-%d %H:%M:%S}  {entry.by}  {entry.kind}{about}", entry.reason]
        say(": ".join(part for part in said if part))
        if entry.result:
            say("  " + " ".join(f"{key}={_shown(value)}" for key, value in entry.result.items()))


def _settings(db: "Database", started: "Settings") -> str:
    from shared.settings import CHANGEABLE
    from shared.store.actions import overrides
    from shared.store.overriding import setting

    changed = overrides(db)
    return "\n".join(
        f"{key} = {_shown(changed.get(key, setting(started, key)))}"
        + f"  (started with {_shown(setting(started, key))})" * (key in changed)
        for key in CHANGEABLE
    )


def _shown(value: Any) -> str:
    match value:
        case None:
            return "none"
        case list():
            return ",".join(map(str, value))
    return str(value)
