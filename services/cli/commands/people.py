"""`account`: who may label, look and operate. With access to the store anybody may make any account."""

from pathlib import Path

import click

from services.cli.commands.options import say, store_option
from shared.domain import Role

ROLES = click.Choice([role.value for role in Role])
DAYS = click.IntRange(1, 36500)


@click.group()
def account() -> None:
    """People and programs: accounts, their keys, invitations, pauses."""


@account.command()
@click.argument("name")
@click.option("--role", type=ROLES, default=Role.LABELER.value, show_default=True, help="What it may do.")
@store_option
def add(path: Path | None, name: str, role: str) -> None:
    """Make an account with a key, which is printed once. `invite` is for people."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        say(accounts.create_account(db, name, Role(role)))


@account.command()
@click.argument("name")
@click.option("--role", type=ROLES, help="What it may do. Default: as it is; a new one is a labeler.")
@click.option("--days", type=DAYS, default=7, show_default=True, help="How long the invitation lasts.")
@store_option
def invite(path: Path | None, name: str, role: str | None, days: int) -> None:
    """Print a link that signs NAME in, once. The account is made where it is new."""
    from services.cli.opened import opened
    from services.cli.running import url
    from shared.store import sign_ins

    with opened(path) as (db, settings):
        invitation = sign_ins.invite(db, name, None if role is None else Role(role), days=days)
    web = settings.web
    say(f"{url(web, web.labeling_port)}/#invite={invitation}")
    if role is not None and Role(role).at_least(Role.REVIEWER):
        say(f"or what stands behind = in place of a key at {url(web, web.dashboard_port)}/login")


@account.command("list")
@store_option
def listed(path: Path | None) -> None:
    """All accounts with their keys: how each begins, when it was last used, until when it lasts."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        for found in accounts.listed(db):
            say(f"{found.name}  {found.role}" + ("" if found.paused is None else f"  paused: {found.paused}"))
            for key in found.keys:
                used = "never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d %H:%M}"
                until = "" if key.expires_at is None else f"  until {key.expires_at:%Y-%m-%d %H:%M}"
                say(f"  {key.prefix}...  {used}{until}" + ("" if key.revoked_at is None else "  revoked"))


@account.command("key")
@click.argument("name")
@click.option("--days", type=DAYS, help="How long it lasts. Default: until it is revoked.")
@store_option
def new_key(path: Path | None, name: str, days: int | None) -> None:
    """Print one more key for NAME, once."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        say(accounts.add_key(db, name, days=days))


@account.command()
@click.argument("name")
@click.option("--key", "prefix", help="Only the key that begins so. Default: all keys and invitations.")
@store_option
def revoke(path: Path | None, name: str, prefix: str | None) -> None:
    """Refuse NAME's keys from now on, and end its sessions. What it labeled stays."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        accounts.revoke(db, name, prefix=prefix)


@account.command()
@click.argument("name")
@click.option("--reason", required=True, help="They are told.")
@store_option
def pause(path: Path | None, name: str, reason: str) -> None:
    """Give NAME no more questions, until `unpause`."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        accounts.pause(db, name, reason)


@account.command()
@click.argument("name")
@store_option
def unpause(path: Path | None, name: str) -> None:
    """Give NAME questions again."""
    from services.cli.opened import opened
    from shared.store import accounts

    with opened(path) as (db, _):
        accounts.unpause(db, name)
