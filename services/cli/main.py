"""The command `prefloop`. Each command imports what it needs when it runs, so that --help is instant."""

import sys

import click

from services.cli.commands.experiment import experiment
from services.cli.commands.run import demo, evaluate, simulate, status, up
from services.cli.commands.upkeep import config, env, healthy, migrate, pretrain
from shared.domain import LoopError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Online RLHF from human preferences: the whole loop, its parts and its upkeep."""


for command in (up, demo, simulate, status, evaluate, experiment, config, env, pretrain, migrate, healthy):
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
