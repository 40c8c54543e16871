"""`stop` and `resume`: training, or one service, halts where it stands, and goes on."""

from pathlib import Path

import click

from services.cli.commands.options import say, store_option
from shared.domain import Service

by_option = click.option("--by", envvar="USER", default="an operator", help="Who you are. Default: who is logged in.")
service_option = click.option(
    "--service", type=click.Choice([one.value for one in Service]), help="Only this one. Default: the whole line."
)


@click.command()
@click.option("--reason", required=True, help="For the other operators.")
@service_option
@by_option
@store_option
def stop(path: Path | None, reason: str, service: str | None, by: str) -> None:
    """Stop the line, or one service: halt training until `resume`."""
    from services.cli.opened import opened
    from shared.store import stops

    with opened(path) as (db, _):
        standing = stops.stop(db, by=by, reason=reason, service=None if service is None else Service(service))
        say(f"{standing.by} stopped {service or 'the line'}: {standing.reason}")


@click.command()
@click.option("--reason", default="", help="For the audit trail.")
@service_option
@by_option
@store_option
def resume(path: Path | None, reason: str, service: str | None, by: str) -> None:
    """Let training, or one service, go on."""
    from services.cli.opened import opened
    from shared.store import stops

    with opened(path) as (db, _):
        ended = stops.resume(db, by=by, reason=reason, service=None if service is None else Service(service))
        if ended is None:
            say(f"{service or 'the line'} was not stopped")
        else:
            say(f"resumed; {ended.by} had stopped {service or 'it'}: {ended.reason}")
