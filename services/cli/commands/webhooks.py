"""`webhook`: addresses that are told of labels, versions and stops of the line."""

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.commands.options import say, store_option

if TYPE_CHECKING:
    from shared.store.webhooks import Endpoint


@click.group()
def webhook() -> None:
    """Addresses that are told of events, signed as Standard Webhooks (standardwebhooks.com)."""


@webhook.command()
@click.argument("url")
@click.option("--events", "listed", help="Their types, with commas between. Default: all.")
@store_option
def add(path: Path | None, url: str, listed: str | None) -> None:
    """Tell URL of events from now on. Prints the secret that signs them, which is shown this once."""
    from services.cli.opened import opened
    from shared.events import TYPES
    from shared.store import webhooks

    with opened(path) as (db, _):
        secret = webhooks.add(db, url, TYPES if listed is None else [name.strip() for name in listed.split(",")])
    say(f"{url} is told from now on; verify what it gets with this secret, which is not shown again:\n{secret}")
    if url.startswith("http://"):
        say("It goes over http, where others may read it: let that be an address of your own network.")


@webhook.command("list")
@store_option
def list_(path: Path | None) -> None:
    """Which addresses are told of what, and how that goes."""
    from services.cli.opened import opened
    from shared.store import webhooks

    with opened(path) as (db, _):
        found = webhooks.endpoints(db)
    if not found:
        say("no webhooks")
    for endpoint in found:
        say(f"{endpoint.url}\n  {', '.join(endpoint.types) or 'nothing'}\n  {_how_it_goes(endpoint)}")


@webhook.command()
@click.argument("url")
@store_option
def remove(path: Path | None, url: str) -> None:
    """Tell URL nothing any more."""
    from services.cli.opened import opened
    from shared.store import webhooks

    with opened(path) as (db, _):
        webhooks.remove(db, url)
    say(f"{url} is removed")


def _how_it_goes(endpoint: "Endpoint") -> str:
    if not endpoint.types:
        return f"ended by the receiver: {endpoint.error}"
    if endpoint.failures:
        again = endpoint.next_try_at.astimezone(UTC)
        return f"failures: {endpoint.failures}, next try at {again:%Y-%m-%d %H:%M:%S} UTC: {endpoint.error}"
    return "no failures"
