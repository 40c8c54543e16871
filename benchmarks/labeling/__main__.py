"""Two hundred labelers at the API with four processes, and the same SQL under pgbench in the same minute."""

import json
import os
import platform
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.labeling import load, pgbench
from benchmarks.labeling.world import World, labeling, world
from shared.store.accounts import authenticate, hashed
from shared.store.database import Database

PGBENCHES = 16  # connections: more of them made it no faster
QUERIES = 60_000  # more than can be answered in a round


@dataclass(frozen=True, slots=True)
class Round:
    """Answers a second of both sides, and the API's latencies in milliseconds."""

    pgbench: float
    api: float
    p50: float
    p99: float

    @property
    def ratio(self) -> float:
        return self.api / self.pgbench


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--people", default=200, show_default=True, help="labelers, a connection each")
@click.option("--workers", default=4, show_default=True, help="processes of the labeling service")
@click.option("--rounds", default=3, show_default=True, help="of both sides in turn")
@click.option("--seconds", default=20.0, show_default=True, help="of one side in a round")
@click.option("--pace", default=100.0, show_default=True, help="answers a second, in the last part")
@click.option("--out", type=click.Path(path_type=Path), help="where to write the figures")
def main(people: int, workers: int, rounds: int, seconds: float, pace: float, out: Path | None) -> None:
    """As fast as it goes, beside pgbench; then at a pace, for the latency. Every label is looked for in the end."""
    with tempfile.TemporaryDirectory() as name, world(Path(name), people) as ours:
        script = Path(name) / "answer.sql"
        timed = [_round(ours, script, Path(name), workers=workers, seconds=seconds) for _ in range(rounds)]
        paced = _paced(ours, Path(name), workers=workers, seconds=3 * seconds, pace=pace)
    figures = _figures(timed, paced, people=people, workers=workers, pace=pace)
    click.echo("\n".join(f"{name:<48}{value}" for name, value in figures.items() if name != "rounds"))
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")


def _round(ours: World, script: Path, folder: Path, *, workers: int, seconds: float) -> Round:
    ours.fill(QUERIES)
    alone = _pgbench(ours, script, seconds=seconds)
    ours.fill(QUERIES)
    with labeling(ours.url, folder / "labeling.log", workers=workers) as port:
        served = load.run("127.0.0.1", port, ours.keys, seconds=seconds, every=0)
    _nothing_lost(ours, served)
    timed = Round(alone, served.rate, served.quantile(0.5), served.quantile(0.99))
    click.echo(
        f"  pgbench {timed.pgbench:.0f}/s, API {timed.api:.0f}/s: {timed.ratio:.2f}; median {timed.p50:.0f} ms, "
        f"p99 {timed.p99:.0f} ms; load {os.getloadavg()[0]:.1f}",
        err=True,
    )
    return timed


def _paced(ours: World, folder: Path, *, workers: int, seconds: float, pace: float) -> load.Load:
    ours.fill(QUERIES)
    with labeling(ours.url, folder / "labeling.log", workers=workers) as port:
        served = load.run("127.0.0.1", port, ours.keys, seconds=seconds, every=len(ours.keys) / pace)
    _nothing_lost(ours, served)
    return served


def _pgbench(ours: World, script: Path, *, seconds: float) -> float:
    db = Database(ours.url)
    people = []
    for number, key in enumerate(ours.keys[:PGBENCHES], 1):
        who = authenticate(db, key)
        assert who is not None
        lease_id = pgbench.first_lease(db, who.labeler_id)
        start = {"sha256": hashed(key), "labeler_id": str(who.labeler_id), "lease_id": lease_id}
        people.append({**start, "n": str(number * 10_000_000)})
    script.write_text(pgbench.script(db, ours.keys[-1]))
    db.close()
    return pgbench.run(ours.url, script, people, seconds=seconds)


def _nothing_lost(ours: World, served: load.Load) -> None:
    """Every receipt is a label, and every label somebody's receipt: all people waited for their last one."""
    if served.refused:
        raise click.ClickException(f"{len(served.refused)} refusals, the first: {served.refused[0]}")
    stored = ours.labels()
    if set(served.receipts) != stored or len(stored) != len(served.receipts):
        raise click.ClickException(f"{len(served.receipts)} receipts, but {len(stored)} labels in the store")


def _figures(timed: list[Round], paced: load.Load, *, people: int, workers: int, pace: float) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "labelers": people,
        "API processes": workers,
        "pgbench, answers/s, median of rounds": round(median(each.pgbench for each in timed)),
        "API, answers/s, median of rounds": round(median(each.api for each in timed)),
        "API / pgbench, median of rounds": round(median(each.ratio for each in timed), 2),
        "p50 and p99 at full speed, ms": [round(median(getattr(each, q) for each in timed)) for q in ("p50", "p99")],
        f"answers/s when paced at {pace:.0f}": round(paced.rate, 1),
        "p50 and p99 when paced, ms": [round(paced.quantile(share), 1) for share in (0.5, 0.99)],
        "rounds": [[each.pgbench, each.api, each.p50, each.p99] for each in timed],
    }


if __name__ == "__main__":
    main()
