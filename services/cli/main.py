"""The command `prefloop`. Each command imports what it needs when it runs, so that --help is instant."""

import sys

import click

from services.cli.commands.compare import compare, comparisons, leaderboard
from services.cli.commands.exchange import export, import_
from services.cli.commands.experiment import experiment
from services.cli.commands.line import resume, stop
from services.cli.commands.people import account
from services.cli.commands.quality import gold, lineage, quality, retract
from services.cli.commands.run import demo, evaluate, simulate, status, up
from services.cli.commands.steer import actions, prune, retrain, retry, rollback, set_
from services.cli.commands.upkeep import config, env, healthy, migrate, pretrain
from services.cli.commands.webhooks import webhook
from shared.domain import LoopError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Online RLHF from human preferences: the whole loop, its parts and its upkeep."""


for command in (
    up,
    demo,
    simulate,
    status,
    evaluate,
    compare,
    comparisons,
    leaderboard,
    experiment,
    export,
    import_,
    config,
    env,
    pretrain,
    migrate,
    healthy,
    webhook,
    account,
    stop,
    resume,
    rollback,
    retrain,
    retry,
    set_,
    prune,
    actions,
    quality,
    gold,
    retract,
    lineage,
):
    cli.add_command(command)


def main() -> None:
    """What an operator can mend ends with a line that says how, and code 1."""
    try:
        cli(prog_name="prefloop")
    except LoopError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
