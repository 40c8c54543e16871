"""`stop` and `resume`: training halts where it stands, and goes on."""

from pathlib import Path

import click

from services.cli.commands.options import say, store_option

by_option = click.option("--by", envvar="USER", default="an operator", help="Who you are. Default: who is logged in.")


@click.command()
@click.option("--reason", required=True, help="For the other operators.")
@by_option
@store_option
def stop(path: Path | None, reason: str, by: str) -> None:
    """Stop the line: halt training until `resume`."""
    from services.cli.opened import opened
    from shared.store import stops

    with opened(path) as (db, _):
        standing = stops.stop(db, by=by, reason=reason)
        say(f"{standing.by} stopped the line: {standing.reason}")


@click.command()
@by_option
@store_option
def resume(path: Path | None, by: str) -> None:
    """Let training go on."""
    from services.cli.opened import opened
    from shared.store import stops

    with opened(path) as (db, _):
        ended = stops.resume(db, by=by)
        say("the line was not stopped" if ended is None else f"resumed; {ended.by} had stopped it: {ended.reason}")
