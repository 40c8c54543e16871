"""A run's policy beside ρ on held-out queries: ROUGE and novelty of summaries, known reward of style tasks, KL."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from services.cli.configure import FAMILIES
from services.cli.figures import bootstrap, wins
from services.cli.folder import RunFolder
from services.cli.running import store_of
from shared.checkpoints import Checkpoints
from shared.domain import LoopError, PolicyVersion
from shared.intervals import wilson
from shared.settings import Settings
from shared.store import versions
from shared.tasks.summary_figures import LONGEST, ROUGE, lead, summary_figures

if TYPE_CHECKING:
    from shared.training.evaluate import Pair

NAMES = {"ref_policy": "ρ", "policy": "π", "lead_3": "lead-3", "reference": "reference"}


def evaluate(folder: RunFolder, settings: Settings, *, version: int | None, queries: int) -> dict[str, Any]:
    """Figures of policy `version`, or the newest, as JSON data; intervals are 95 %, nats a response.

    Raises LoopError where the run has no such policy, or a checkpoint is damaged.
    """
    from shared.training.evaluate import compare

    with store_of(folder, settings) as (db, _):
        known = versions.policies(db)
    wanted = _wanted(known, version, folder)
    checkpoints = Checkpoints(settings.checkpoints)
    first, chosen = (checkpoints.verify(policy.path, policy.sha256) for policy in (known[0], wanted))
    pairs = compare(chosen, first, settings, n=queries)
    kl = [pair.kl for pair in pairs]
    return {
        "name": settings.name,
        "task": settings.task.name,
        "policy_version": wanted.version,
        "queries": len(pairs),
        "kl": statistics.fmean(kl),
        "kl_interval": bootstrap(kl),
        **(summaries(pairs) if FAMILIES[settings.task.name] == "summaries" else style(pairs)),
    }


def summaries(pairs: Sequence["Pair"]) -> dict[str, Any]:
    """Figures of what each writes of the sources; lead-3 is their first three sentences."""
    sources, references = [pair.query for pair in pairs], [pair.reference for pair in pairs]
    written = {
        "ref_policy": [pair.ref_response for pair in pairs],
        "policy": [pair.response for pair in pairs],
        "lead_3": [lead(source) for source in sources],
    }
    found = {name: summary_figures(texts, sources, references).as_dict() for name, texts in written.items()}
    had = [(reference, source) for reference, source in zip(references, sources, strict=True) if reference]
    if had:
        texts, of = zip(*had, strict=True)
        found["reference"] = summary_figures(texts, of, [None] * len(had)).as_dict()
    return {"summaries": found}


def style(pairs: Sequence["Pair"]) -> dict[str, Any]:
    from services.cli.known_reward import known_reward

    ours = [known_reward(pair.response) for pair in pairs]
    theirs = [known_reward(pair.ref_response) for pair in pairs]
    won = wins(ours, theirs)
    means = {"ref_policy": theirs, "policy": ours}
    return {
        "known_reward": {
            name: {"mean": statistics.fmean(rewards), "interval": bootstrap(rewards)} for name, rewards in means.items()
        },
        "win_rate": won / len(pairs),
        "win_rate_interval": wilson(won, len(pairs)),
    }


def table(figures: Mapping[str, Any]) -> str:
    """The figures for people."""
    low, high = figures["kl_interval"]
    head = (
        f"{figures['name']}: policy {figures['policy_version']} beside ρ on {figures['queries']} held-out queries of "
        f"{figures['task']}\nKL {figures['kl']:.2f} nats a response [{low:.2f}, {high:.2f}]\n"
    )
    if "summaries" in figures:
        return head + _summary_table(figures["summaries"])
    low, high = figures["win_rate_interval"]
    lines = [f"π's known reward is the higher: {figures['win_rate']:.1%} [{low:.1%}, {high:.1%}]"]
    for name, found in figures["known_reward"].items():
        low, high = found["interval"]
        lines.append(f"known reward of {NAMES[name]}: {found['mean']:+.3f} [{low:+.3f}, {high:+.3f}]")
    return head + "\n".join(lines)


def _summary_table(found: Mapping[str, Any]) -> str:
    rows: dict[str, list[float | None]] = {}
    for kind in ROUGE:
        rows[f"{kind.replace('rouge', 'ROUGE-')} F1"] = [(one["rouge"] or {}).get(kind) for one in found.values()]
    rows["novel sentences"] = [one["novel_sentences"] for one in found.values()]
    for n in range(1, LONGEST + 1):
        rows[f"novel {n}-grams"] = [one["novel_ngrams"][n - 1] for one in found.values()]
    lines = [f"{'':<16}" + "".join(f"{NAMES[name]:>11}" for name in found)]
    for name, values in rows.items():
        lines.append(f"{name:<16}" + "".join(f"{'-' if value is None else f'{value:.1%}':>11}" for value in values))
    lines.append(f"{'words':<16}" + "".join(f"{one['words']:>11.1f}" for one in found.values()))
    return "\n".join(lines)


def _wanted(known: Sequence[PolicyVersion], version: int | None, folder: RunFolder) -> PolicyVersion:
    if not known:
        raise LoopError(f"{folder.path} has published no policy yet: ask again when `prefloop status` tells of one")
    found = {policy.version: policy for policy in known}
    chosen = known[-1].version if version is None else version
    if chosen not in found:
        raise LoopError(f"--version {chosen}: {folder.path} has policies 0 to {known[-1].version}")
    return found[chosen]
