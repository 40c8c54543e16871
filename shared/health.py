"""Whether the loop is well, and if not, what is wrong and what to do. Pure: from plain facts (shared/checkup.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain import Cause, Service, Stop
from shared.guards.guards import GUARDS
from shared.settings import FreshnessSettings
from shared.store.freshness import Clock, Freshness
from shared.store.presence import Process
from shared.store.symptoms import Symptoms, Trouble
from shared.store.webhooks import Endpoint

SILENT_SECONDS = 30.0  # after which a process that says so every 2 s counts as gone
QUIET_SECONDS = 600.0  # without a label
DISK_BYTES = 2 * 2**30  # less is nearly full
REFUSALS = 3  # of r in a row
WEBHOOK_FAILURES = 3
NEEDED = ("labeling", "orchestrator", "ppo", "reward_trainer", "sampler", "webhooks")


class Severity(StrEnum):
    STOP = "stop"  # something halts until an operator resumes it
    ALARM = "alarm"  # something is wrong
    NOTICE = "notice"  # something to know: the loop goes on by itself


class Remedy(StrEnum):
    """What an operator can do about it from here."""

    RESUME = "resume"
    RETRY = "retry"
    ROLLBACK = "rollback"
    RETRAIN = "retrain"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Alarm:
    """`what` is wrong and what `todo`, in sentences. `service`: the one it is about, if one."""

    severity: Severity
    what: str
    todo: str
    since: datetime | None = None
    action: Remedy | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """`blocked`: why the loop cannot go on, failed jobs aside. `redis_error`: why Redis does not answer.

    `wants_labels`: the loop cannot go on without more of them.
    """

    stops: Sequence[Stop]
    symptoms: Symptoms
    processes: Sequence[Process]
    freshness: Freshness
    webhooks: Sequence[Endpoint]
    blocked: str | None
    redis_error: str | None
    wants_labels: bool


@dataclass(frozen=True, slots=True)
class Health:
    """`alarms`: the worst first. `bounds`: of the clocks."""

    alarms: Sequence[Alarm]
    freshness: Freshness
    bounds: FreshnessSettings
    services: Sequence[Process]

    @property
    def well(self) -> bool:
        return all(alarm.severity is Severity.NOTICE for alarm in self.alarms)


def diagnose(facts: Facts, bounds: FreshnessSettings) -> Health:
    found = [
        *map(_stopped, facts.stops),
        *map(_failed, facts.symptoms.failed),
        *_services(facts.processes),
        *_redis(facts.redis_error),
        *_disks(facts.processes),
        *_blocked(facts),
        *_refused(facts.symptoms),
        *_nobody_labels(facts),
        *_clocks(facts, bounds),
        *map(_retried, facts.symptoms.retried),
        *_webhooks(facts.webhooks),
    ]
    order = list(Severity)
    alarms = sorted(found, key=lambda alarm: order.index(alarm.severity))
    return Health(alarms, facts.freshness, bounds, facts.processes)


def _stopped(stop: Stop) -> Alarm:
    what = f"{stop.by} stopped {'the line' if stop.service is None else stop.service}: {stop.reason}"
    todo, action = "Look into the reason, then resume.", Remedy.RESUME
    if stop.cause is Cause.DISK_FULL:
        todo, action = "Free some space, or prune checkpoints that are not in use, then resume.", Remedy.PRUNE
    elif stop.cause is not None:
        todo = GUARDS[stop.cause].way_out
        action = {Cause.LABEL_AGE: Remedy.RESUME, Cause.REWARD_ACCURACY: Remedy.RETRAIN}.get(
            stop.cause, Remedy.ROLLBACK
        )
    return Alarm(Severity.STOP, what, todo, stop.created_at, action, stop.service)


def _failed(trouble: Trouble) -> Alarm:
    what = f"{trouble.job.key} failed at every attempt: {trouble.job.error}"
    todo = "Mend what the error names, then retry the failed jobs."
    return Alarm(Severity.ALARM, what, todo, trouble.since, Remedy.RETRY, trouble.job.queue)


def _retried(trouble: Trouble) -> Alarm:
    what = f"{trouble.job.key} is tried again, attempt {trouble.job.attempt}: {trouble.job.error}"
    return Alarm(Severity.NOTICE, what, "Nothing yet.", trouble.since, service=trouble.job.queue)


def _services(processes: Sequence[Process]) -> Iterator[Alarm]:
    """Those missing altogether, and processes that fell silent with none of their service begun since."""
    start = "`prefloop up` and compose start it again by themselves: where they do not, its log says why."
    for service in NEEDED:
        if all(process.service != service for process in processes):
            yield Alarm(Severity.ALARM, f"{service} is not running.", start, service=service)
    for silent in processes:
        others = [one for one in processes if one.service == silent.service and one.instance != silent.instance]
        replaced = any(one.started_at > silent.seen_at for one in others)
        if silent.silent_seconds > SILENT_SECONDS and not replaced:
            what = f"{silent.service} ({silent.instance}) gave no sign of life for {_span(silent.silent_seconds)}."
            yield Alarm(Severity.ALARM, what, start, silent.seen_at, service=silent.service)


def _redis(error: str | None) -> Iterator[Alarm]:
    if error is not None:
        todo = "Start it again: no job is lost, what was in its queues is sent anew."
        yield Alarm(Severity.ALARM, f"{error.rstrip('.')}.", todo)


def _disks(processes: Sequence[Process]) -> Iterator[Alarm]:
    """Of each host the least that a living process sees of the disk the checkpoints lie on."""
    free: dict[str, int] = {}
    for process in processes:
        seen = process.facts.get("disk_free_bytes")
        if isinstance(seen, int) and process.silent_seconds <= SILENT_SECONDS:
            host = process.instance.rpartition("/")[0]
            free[host] = min(seen, free.get(host, seen))
    for host, left in free.items():
        if left < DISK_BYTES:
            what = f"The disk with the checkpoints is nearly full: {left / 2**30:.1f} GiB are left on {host}."
            yield Alarm(Severity.ALARM, what, "Free some space, or prune checkpoints.", action=Remedy.PRUNE)


def _blocked(facts: Facts) -> Iterator[Alarm]:
    if facts.blocked is not None and not facts.symptoms.failed:
        yield Alarm(Severity.ALARM, "The loop cannot go on.", facts.blocked)


def _refused(symptoms: Symptoms) -> Iterator[Alarm]:
    if len(symptoms.refused) >= REFUSALS:
        newest = symptoms.refused[-1]
        what = f"The last {len(symptoms.refused)} reward models were rejected; reward {newest.version}: {newest.reason}"
        todo = "Look at their verdicts and at how far labels agree; retract wrong labels, then retrain."
        yield Alarm(Severity.ALARM, what, todo, newest.created_at, Remedy.RETRAIN, Service.REWARD_TRAINER)


def _nobody_labels(facts: Facts) -> Iterator[Alarm]:
    quiet = facts.symptoms.quiet_seconds
    paused = any(stop.service in (None, Service.LABELING) for stop in facts.stops)
    if facts.wants_labels and not paused and quiet is not None and quiet > QUIET_SECONDS:
        what = f"The loop waits for labels, and nobody has given one for {_span(quiet)}."
        todo = "Ask people to label; `prefloop account list` shows who may, and who is paused."
        yield Alarm(Severity.ALARM, what, todo, service=Service.LABELING)


def _clocks(facts: Facts, bounds: FreshnessSettings) -> Iterator[Alarm]:
    """While the line is stopped they run on, and are no news."""
    if any(stop.service is None for stop in facts.stops):
        return
    clocks = facts.freshness
    for clock, bound, what, todo in (
        (
            clocks.label_to_reward,
            bounds.label_to_reward,
            "The oldest label that no reward model was trained on",
            "Retrain now, or let people label faster; freshness.label_to_reward is the bound.",
        ),
        (
            clocks.reward_to_policy,
            bounds.reward_to_policy,
            "The live reward model, with no policy trained with it yet,",
            "Look at what PPO does or waits for; freshness.reward_to_policy is the bound.",
        ),
        (
            clocks.policy_to_sample,
            bounds.policy_to_sample,
            "The live policy, of which people saw nothing yet,",
            "Look at what the sampler does or waits for; freshness.policy_to_sample is the bound.",
        ),
    ):
        if clock.now is not None and clock.now > bound:
            action = Remedy.RETRAIN if clock is clocks.label_to_reward else None
            yield Alarm(
                Severity.ALARM, f"{what} waits for {_span(clock.now)}, bound {_span(bound)}.", todo, action=action
            )


def _webhooks(endpoints: Sequence[Endpoint]) -> Iterator[Alarm]:
    for endpoint in endpoints:
        if not endpoint.types:
            what, todo = f"{endpoint.name} wants no more events: {endpoint.error}", "Remove it, or add it again."
        elif endpoint.failures >= WEBHOOK_FAILURES:
            what = f"{endpoint.name} failed {endpoint.failures} times: {endpoint.error}"
            todo = "Look at its receiver: events wait for it and are told in order once it answers."
        else:
            continue
        yield Alarm(Severity.NOTICE, what, todo, service=Service.WEBHOOKS)


def lines(health: Health) -> list[str]:
    """As text: whether it is well, each alarm with what to do below it, and the three clocks."""
    wrong = sum(alarm.severity is not Severity.NOTICE for alarm in health.alarms)
    said = ["well" if health.well else f"not well: {wrong} {'thing is' if wrong == 1 else 'things are'} wrong"]
    for alarm in health.alarms:
        said += [f"  {alarm.severity}: {alarm.what}", f"    {alarm.todo}"]
    clocks = health.freshness
    named = {
        "label to reward": clocks.label_to_reward,
        "reward to policy": clocks.reward_to_policy,
        "policy to sample": clocks.policy_to_sample,
    }
    return [*said, "freshness: " + "; ".join(f"{name} {_clock(clock)}" for name, clock in named.items())]


def _clock(clock: Clock) -> str:
    last = "none yet" if clock.last is None else f"took {_span(clock.last)}"
    return last if clock.now is None else f"{last}, now waits {_span(clock.now)}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
