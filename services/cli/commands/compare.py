"""`compare`, `comparisons`, `leaderboard`: which policy people prefer."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from services.cli.commands.options import FILE, json_option, say, store_option

OPEN = {"min_open": True, "max_open": True}


@click.command()
@click.argument("version", type=click.IntRange(min=0))
@click.argument("against", type=click.IntRange(min=0), required=False)
@click.option("--reference", "file", type=FILE, help='JSON lines of {"query": "...", "reference": "..."}.')
@click.option("--queries", type=click.IntRange(min=1), default=200, show_default=True, help="Ask at most so many.")
@click.option("--alpha", type=click.FloatRange(0, 1, **OPEN), default=0.05, show_default=True, help="Risk of an error.")
@store_option
def compare(
    path: Path | None, version: int, against: int | None, file: Path | None, queries: int, alpha: float
) -> None:
    """Have people choose, blind, between what policies VERSION and AGAINST answer to held-out queries.

    Without AGAINST, between VERSION's and reference texts: of --reference, or the task's own. The page asks these
    questions among the others, labels.comparison_share of them, and no more once the test is sure which is better: then
    it is wrong with probability alpha at most, however often one looked.
    """
    from services.cli import compare as made
    from services.cli.opened import opened

    with opened(path) as (db, settings):
        number, asked = made.compare(
            db, settings, version=version, against=against, file=file, queries=queries, alpha=alpha
        )
    say(f"comparison {number}: {asked} questions to ask; `prefloop comparisons` says how it stands")


@click.command()
@click.option("--end", "ended", type=int, metavar="ID", help="End this one: its questions are asked no more.")
@json_option
@store_option
def comparisons(path: Path | None, ended: int | None, as_data: bool) -> None:
    """How all comparisons stand, the newest first.

    The interval holds the true win rate at all times with probability 1 - alpha; at e = 1 / alpha the test decides.
    """
    from services.cli.opened import opened
    from services.cli.standings import comparison_lines
    from shared.store import comparisons as stored

    with opened(path) as (db, _):
        if ended is not None:
            stored.end(db, ended)
        found = stored.listed(db)
    if as_data:
        say(json.dumps([one.as_dict() for one in found], default=datetime.isoformat, allow_nan=False))
    else:
        say(comparison_lines(found))


@click.command()
@json_option
@store_option
def leaderboard(path: Path | None, as_data: bool) -> None:
    """All versions, the strongest first, from comparisons and evaluation queries together.

    How often each would be preferred to ρ, with a 95 % interval, after Bradley and Terry.
    """
    from services.cli.opened import opened
    from services.cli.standings import leaderboard_lines
    from shared.quality import leaderboard as quality
    from shared.store.contests import contests

    with opened(path) as (db, _):
        found = quality.leaderboard(contests(db))
    say(json.dumps([asdict(one) for one in found], allow_nan=False) if as_data else leaderboard_lines(found))
