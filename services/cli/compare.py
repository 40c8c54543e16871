"""Two policies, or one and reference texts, put before people to compare."""

import json
from collections.abc import Sequence
from pathlib import Path

from shared.domain import LoopError, Response
from shared.settings import Settings
from shared.store import comparisons, versions
from shared.store.comparisons import ComparedQuery
from shared.store.database import Database
from shared.tasks.task import EVALUATION, Encoder, Query, Task


def compare(
    db: Database,
    settings: Settings,
    *,
    version: int,
    against: int | None,
    file: Path | None,
    queries: int,
    alpha: float,
) -> tuple[int, int]:
    """Have both answer up to `queries` held-out queries, or those of `file`, and store them to be asked.

    Returns the comparison's id and how many queries it has. LoopError where there is nothing to compare.
    """
    from shared.checkpoints import Checkpoints
    from shared.tasks.registry import load_task
    from shared.training.comparing import references, respond
    from shared.training.machine import prepare
    from shared.weights import Weights

    _check(db, version, against, file)
    device = prepare(settings.model)
    weights = Weights(db, Checkpoints(settings.checkpoints), device=device, autocast=settings.model.autocast)
    policy = weights.policy(version)
    task = load_task(settings.task, policy.tokenizer)
    asked = _asked(task, policy.tokenizer, settings, references_only=against is None, file=file)[:queries]

    def said(number: int) -> list[Response | None]:
        writer = weights.policy(number)
        return respond(
            writer, number, task, asked, settings=settings.task, sampler=settings.sampler, seed=settings.seed
        )

    ours = said(version)
    pairs = _beside(asked, ours, references(asked, policy) if against is None else said(against))
    if not pairs:
        raise LoopError(
            f"of {len(asked)} queries none got two valid responses that differ: raise sampler.rounds, or compare others"
        )
    reference = None if against is not None else file.name if file else f"references of {settings.task.name}"
    made = comparisons.create(db, pairs, version=version, against=against, reference=reference, alpha=alpha)
    return made, len(pairs)


def read_references(file: Path, tokenizer: Encoder, *, longest: int) -> list[Query]:
    """Queries with their reference texts, of JSON lines. LoopError names the first line that does not fit."""
    found = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"--reference {file}: {error}; name a file of JSON lines") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            text, reference = row["query"], row["reference"]
        except (ValueError, LookupError, TypeError):
            text = reference = None
        if not (isinstance(text, str) and isinstance(reference, str) and text and reference):
            raise LoopError(f'{file}, line {number}: expected {{"query": "...", "reference": "..."}}')
        tokens = tokenizer.encode(text)
        if len(tokens) > longest:
            raise LoopError(
                f"{file}, line {number}: the query has {len(tokens)} tokens, and the policy reads {longest} "
                "(task.query_tokens): shorten it or leave it out"
            )
        found.append(Query(text, tokens, reference))
    return found


def _check(db: Database, version: int, against: int | None, file: Path | None) -> None:
    known = {policy.version for policy in versions.policies(db)}
    for wanted in (version, against):
        if wanted is not None and wanted not in known:
            raise LoopError(f"policy version {wanted} is not in the store, which has {_listed(known)}")
    if version == against:
        raise LoopError(f"policy {version} beside itself would tell nothing: name another")
    if against is not None and file is not None:
        raise LoopError(f"either policy {against} or --reference {file}: the version is compared with one of them")


def _listed(known: set[int]) -> str:
    return f"policies 0 to {max(known)}" if known else "none yet"


def _beside(
    asked: Sequence[Query], ours: Sequence[Response | None], theirs: Sequence[Response | None]
) -> list[ComparedQuery]:
    """The queries that both answered, and not with the same words: those would tell nothing."""
    return [
        ComparedQuery(query.text, query.tokens, (one, other))
        for query, one, other in zip(asked, ours, theirs, strict=True)
        if one is not None and other is not None and one.text != other.text
    ]


def _asked(
    task: Task, tokenizer: Encoder, settings: Settings, *, references_only: bool, file: Path | None
) -> list[Query]:
    if file is not None:
        return read_references(file, tokenizer, longest=settings.task.query_tokens)
    asked = task.evaluation(EVALUATION)
    if not references_only:
        return asked
    if had := [query for query in asked if query.reference is not None]:
        return had
    raise LoopError(
        f"task {settings.task.name} has no reference texts: name a second version, or a file with --reference"
    )
