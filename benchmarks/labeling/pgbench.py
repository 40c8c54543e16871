"""The same SQL under pgbench: what the label store's functions send is recorded, then sent again by pgbench.

Prepared statements on both sides; answer and next query are one transaction, the key is looked up before it. What
pgbench does not do: HTTP, JSON, choosing the order in which responses are shown, and asking whether a connection lives.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from services.cli.servers import postgres_binaries
from shared.domain import Answer, Lease
from shared.settings import LabelSettings
from shared.store import accounts, answers, leases
from shared.store.database import Database


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    values: Mapping[str, Any]

    def for_pgbench(self, variables: Mapping[str, str]) -> str:
        """Parameters become pgbench's variables, or stay the constants that they were."""

        def put(found: re.Match[str]) -> str:
            name = found[1]
            return f":{variables[name]}" if name in variables else _literal(self.values[name])

        return re.sub(r"%\((\w+)\)s", put, self.sql).replace("%%", "%").replace("\n", " ")


def script(db: Database, key: str) -> str:
    """One labeler's answer and next query, for ever. Variables to begin with: sha256, labeler_id, lease_id, n."""
    principal = accounts.authenticate(db, key)
    assert principal is not None
    lease_id = first_lease(db, principal.labeler_id)
    with _recorded() as sent:
        accounts.authenticate(db, key)
        answers.answer_and_take(
            db, principal.labeler_id, lease_id, Answer(position=1), LabelSettings(gold_share=0), seconds=1.5
        )
    who, mine, store, claim, lend = sent  # an unexpected statement fails here
    me = {"labeler_id": "labeler_id", "lease_id": "lease_id"}
    this = {"query_id": "mine_query_id", "this_query": "mine_query_id", "this_lease": "lease_id", **me}
    next_one = {"lease_id": "n", "query_id": "next_id", "labeler_id": "labeler_id"}
    return "\n".join(
        [
            "\\set n :n + 1",
            f"{who.for_pgbench({name: 'sha256' for name in who.values if name.startswith('sha256')})};",
            "BEGIN;",
            f"{mine.for_pgbench(me)} \\gset mine_",
            f"{store.for_pgbench(this)};",
            f"{claim.for_pgbench(me)} \\gset next_",
            f"{lend.for_pgbench(next_one)};",
            "COMMIT;",
            "\\set lease_id :n",
            "",
        ]
    )


def first_lease(db: Database, labeler_id: int) -> str:
    lease = leases.take(db, labeler_id, LabelSettings())
    assert isinstance(lease, Lease)
    return lease.id


def run(url: str, script: Path, people: Sequence[Mapping[str, str]], *, seconds: float) -> float:
    """Answers a second of all people, a connection and a pgbench each."""
    address = make_url(url)
    command = [
        str(postgres_binaries() / "pgbench"),
        "--no-vacuum", "--protocol=prepared", "--client=1", f"--time={seconds:.0f}",
        f"--file={script}", f"--host={address.host}", f"--port={address.port}", f"--username={address.username}",
    ]  # fmt: skip
    environ = {"PGPASSWORD": address.password or ""}
    running = []
    for person in people:
        variables = [f"--define={name}={value}" for name, value in person.items()]
        running.append(
            subprocess.Popen(
                [*command, *variables, str(address.database)],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    said = [process.communicate()[0] for process in running]
    return sum(_rate(each) for each in said)


def _rate(said: str) -> float:
    found = re.search(r"tps = ([\d.]+)", said)
    failed = re.search(r"number of failed transactions: (\d+)", said)
    if found is None or failed is None or failed[1] != "0":
        raise RuntimeError(f"pgbench: {said}")
    return float(found[1])


@contextmanager
def _recorded() -> Iterator[list[Statement]]:
    sent: list[Statement] = []

    def note(_connection: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        sent.append(Statement(sql, dict(values)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case timedelta():
            return f"interval '{value.total_seconds()} seconds'"
        case list():
            return "'{" + ",".join(map(str, value)) + "}'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"
