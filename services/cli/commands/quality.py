"""`quality`, `gold`, `retract`, `lineage`: how far labels can be trusted, and what becomes of those that cannot."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.commands.line import by_option
from services.cli.commands.options import FILE, json_option, period_options, say, store_option
from shared.domain import LoopError

if TYPE_CHECKING:
    from shared.settings import Settings
    from shared.store.database import Database
    from shared.store.lineage import Lineage


@click.command()
@period_options
@json_option
@store_option
def quality(path: Path | None, since: datetime | None, until: datetime | None, as_data: bool) -> None:
    """How far people agree, are right where the answer is known, and look at the text instead of the place.

    \b
    agreement    how often others gave the same answer, a query counted once, with its 95 % interval; alpha is
                 Krippendorff's, nominal for choices and ordinal for ratings
    position p   how likely choices so uneven are where nobody looks at the place; of twenty such people one is
                 below 0.05 all the same
    seconds      median time of an answer
    """
    from services.cli.opened import opened
    from services.cli.quality import as_text
    from shared.quality.report import report
    from shared.store.quality import material

    with opened(path) as (db, _):
        found = report(material(db, since=since, until=until))
    say(json.dumps(asdict(found), default=datetime.isoformat, allow_nan=False) if as_data else as_text(found))


@click.group()
def gold() -> None:
    """Queries whose answer is known: asked like all others, and whoever is surely wrong too often is paused.

    The share of such questions is labels.gold_share; labels.gold_least and labels.gold_accuracy say who is paused.
    """


@gold.command()
@click.argument("file", type=FILE)
@store_option
def add(path: Path | None, file: Path) -> None:
    """Add the queries of FILE, JSON lines: all of them, or none where one does not fit.

    \b
    {"query": "...", "responses": ["...", "...", "...", "..."], "best": 0}     best counts from 0
    {"query": "...", "responses": ["..."], "rating": 6}
    """
    from services.cli.gold import read_gold
    from services.cli.opened import opened
    from shared.store import gold as gold_queries

    queries = read_gold(file)
    with opened(path) as (db, settings):
        ids = gold_queries.add(db, queries, responses=settings.task.responses)
    say(f"{len(ids):,} gold queries added: {ids[0]} to {ids[-1]}")


@gold.command()
@click.argument("query", type=int)
@click.argument("answer", type=int)
@store_option
def promote(path: Path | None, query: int, answer: int) -> None:
    """Copy a query that people were asked, and ANSWER to it is known: the best response, from 0, or the rating."""
    from services.cli.opened import opened
    from shared.store import gold as gold_queries

    with opened(path) as (db, _):
        say(f"gold query {gold_queries.promote(db, query, answer)} is a copy of query {query}")


@gold.command()
@click.argument("query", type=int)
@store_option
def retire(path: Path | None, query: int) -> None:
    """Ask a gold query no more, and judge nobody by it: its answer turned out wrong, or everybody knows it."""
    from services.cli.opened import opened
    from shared.store import gold as gold_queries

    with opened(path) as (db, _):
        gold_queries.retire(db, query)
    say(f"gold query {query} is retired")


@gold.command("list")
@json_option
@store_option
def listed(path: Path | None, as_data: bool) -> None:
    """All gold queries with how often people were right."""
    from services.cli.gold import as_line
    from services.cli.opened import opened
    from services.cli.quality import right
    from shared.store import gold as gold_queries

    with opened(path) as (db, _):
        found = gold_queries.listed(db)
    if as_data:
        say(json.dumps([asdict(asked) for asked in found]))
        return
    for asked in found:
        say(f"{asked.id}{' (retired)' * asked.retired}: {right(asked.accuracy)}\n  {as_line(asked.query)}")


@click.command()
@click.option("--labeler", metavar="NAME", help="Labels of this account.")
@click.option("--label", "label_ids", type=int, multiple=True, metavar="ID", help="This label; may be said repeatedly.")
@click.option("--below-gold", type=click.FloatRange(0, 1), help="Of people surely below this share of gold answers.")
@period_options
@click.option("--reason", required=True, help="Kept with the labels.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@by_option
@store_option
def retract(
    path: Path | None,
    labeler: str | None,
    label_ids: tuple[int, ...],
    below_gold: float | None,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    dry_run: bool,
    by: str,
) -> None:
    """Take labels back: those to which all options apply. They stay, marked; later reward trainings leave them out."""
    from services.cli.lineage import as_text
    from services.cli.opened import opened
    from shared.store import lineage as lineages
    from shared.store import retractions
    from shared.store.retractions import Choice

    choice = Choice(labeler=labeler, since=since, until=until, label_ids=label_ids, below_gold=below_gold)
    with opened(path) as (db, settings):
        made = retractions.retract(db, choice, by=by, reason=reason, dry_run=dry_run)
        whose = ", ".join(f"{name} {count:,}" for name, count in made.labels.items())
        if made.id is None:
            say(f"{made.count:,} labels would be taken back: {whose}")
            return
        moved = as_text(lineages.of_retraction(db, made.id))
        say(f"retraction {made.id}: {made.count:,} labels are taken back: {whose}\nthey had moved\n{moved}")
        say(_next_training(db, settings))


def _next_training(db: "Database", settings: "Settings") -> str:
    from shared.plan import thresholds
    from shared.store import loop

    state = loop.state(db)
    left = thresholds(settings)[state.reward_trainings :]
    if not left:
        return "r has had all its trainings: more labels.budget and labels.retrainings make one that leaves them out"
    return f"the next reward training leaves them out: at {left[0]:,} labels, of which {state.labels:,} are there"


@click.command()
@click.argument("what", type=click.Choice(["reward", "policy", "label", "labeler", "retraction"]), required=False)
@click.argument("which", required=False)
@json_option
@store_option
def lineage(path: Path | None, what: str | None, which: str | None, as_data: bool) -> None:
    """From labels to the reward and policy versions that they moved, and back. Without arguments: all versions.

    \b
    reward N       whose labels it learnt from, and which policies it moved
    policy N       which policies and rewards it comes from
    label ID, labeler NAME, retraction N
                   which rewards learnt from these labels, and which policies those moved
    """
    from services.cli.lineage import as_text
    from services.cli.opened import opened

    with opened(path) as (db, _):
        found = _found(db, what, which)
    say(json.dumps(asdict(found)) if as_data else as_text(found))


def _found(db: "Database", what: str | None, which: str | None) -> "Lineage":
    from shared.store import lineage as lineages

    if what is None:
        return lineages.of_all(db)
    if which is None:
        raise LoopError(f"lineage {what} of which? Name it behind")
    if what == "labeler":
        return lineages.of_labeler(db, which)
    by_number = {
        "reward": lineages.of_reward,
        "policy": lineages.of_policy,
        "label": lineages.of_label,
        "retraction": lineages.of_retraction,
    }
    if not which.isdecimal():
        raise LoopError(f"lineage {what} {which}: expected a number")
    return by_number[what](db, int(which))
