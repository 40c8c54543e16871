"""`export` and `import`: labels for others, and labels of others."""

from pathlib import Path
from typing import Any

import click

from services.cli.commands.options import FILE, period_options, say, store_option
from shared.domain import Purpose

EXPORTS = ("jsonl", "parquet", "trl", "openai")
IMPORTS = (*EXPORTS, "summarize", "hh")


@click.command("export")
@click.argument("file", type=FILE)
@click.option("--format", type=click.Choice(EXPORTS), default="jsonl", show_default=True, help="See below.")
@click.option("--from-policy", type=int, help="Of queries that this policy version or a later one answered.")
@click.option("--to-policy", type=int, help="Of queries that this policy version or an earlier one answered.")
@click.option("--reward", type=int, help="All that this reward version read: what it was trained on, and held out.")
@click.option("--labeler", "labelers", multiple=True, help="Of this labeler; may be said several times.")
@period_options
@click.option("--include-retracted", is_flag=True, help="Also those that were taken back.")
@click.option("--purpose", type=click.Choice([p.value for p in Purpose]), default="training", show_default=True)
@store_option
def export(path: Path | None, file: Path, format: Any, purpose: str, **given: Any) -> None:
    """Write labels to FILE, and to FILE.manifest.json what they are.

    \b
    jsonl    all that the store knows of a label, one a line
    parquet  the same in columns
    trl      TRL's preference pairs: prompt, chosen, rejected; of a best of four three
    openai   the form of lm-human-preferences: query, sample0, ..., best, as token ids
    """
    from services.cli.exchange import export_labels
    from services.cli.opened import opened
    from shared.store.exports import Selection

    given["labelers"] = tuple(given["labelers"])
    with opened(path) as (db, _):
        found = export_labels(db, file, format, Selection(purpose=Purpose(purpose), **given), say)
    say(f"{file}: {found.labels:,} labels as {found.items:,} items of {format}")


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--format", type=click.Choice(IMPORTS), required=True, help="See below.")
@click.option("--tokenizer", help="Of openai's token ids: a folder or a name. Default: what the manifest names.")
@click.option("--labeler", help="Whose labels they are. Default: whom the file names, else `imported`.")
@click.option("--skip-unfit", is_flag=True, help="Leave out what this loop cannot use: too long, empty, all alike.")
@store_option
def import_(path: Path | None, file: Path, format: Any, skip_unfit: bool, **given: Any) -> None:
    """Store the labels of FILE as labels for training: all of them, or none where a line is wrong.

    \b
    jsonl, parquet, trl, openai   what `prefloop export` writes, and others' files of those forms
    summarize                     comparisons of OpenAI's summarize-from-feedback
    hh                            Anthropic's hh-rlhf

    Files may end in .gz or, but for openai, in .parquet. What the store has already is not stored again.
    """
    from services.cli.exchange import import_labels
    from services.cli.opened import opened

    with opened(path) as (db, _):
        found, left_out = import_labels(db, file, format, say, skip_unfit=skip_unfit, **given)
    say(f"{file}: {found.stored:,} labels stored, {found.known:,} there already, {left_out:,} left out")
