"""/metrics: the loop for Prometheus, read from the store at each scrape. What is not there is absent, not zero.

Figures of PPO batches and versions bear the field's names (shared/measures.py). What may go back (labels that were
retracted, episodes after a rollback) is a gauge: Prometheus would take it for a counter that began anew.
"""

import logging
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared import measures
from shared.domain import JobState, LoopError, LoopState, RewardStatus
from shared.health import SILENT_SECONDS
from shared.live import current
from shared.measures import Measure
from shared.plan import finished, labels_wanted
from shared.settings import Settings
from shared.store import counts, freshness, loop, presence, stops, versions
from shared.store.counts import Counts
from shared.store.database import Database
from shared.store.evaluations import human_win_rates

SERVICES = ("labeling", "dashboard", "orchestrator", "sampler", "reward_trainer", "ppo", "webhooks", "recorder")
CLOCKS = ("label_to_reward", "reward_to_policy", "policy_to_sample")
LINE, PERSON = "line", "person"  # what is stopped where it is no service, and by whom where it was no guard

log = logging.getLogger(__name__)


class LoopCollector(Collector):
    """`depths` gives the messages waiting in each queue. LoopError where the store does not answer."""

    def __init__(self, db: Database, settings: Settings, depths: Callable[[], Mapping[str, int]]) -> None:
        self._db = db
        self._started = settings
        self._depths = depths

    def collect(self) -> Iterator[Metric]:
        state, counted, settings = loop.state(self._db), counts.read(self._db), current(self._db, self._started)
        yield from _labels(state, counted, settings)
        yield from _batch(counted, settings)
        yield from self._versions(state)
        yield from _jobs(counted)
        yield from self._stops()
        yield from self._clocks(settings)
        yield from self._services()
        yield from self._queues()

    def _versions(self, state: LoopState) -> Iterator[Metric]:
        reward = versions.live_reward(self._db)
        human = next(iter(human_win_rates(self._db)[::-1]), None)
        yield from _measure(measures.POLICY_VERSION, state.policy_version)
        yield from _measure(measures.REWARD_VERSION, state.reward_version)
        yield from _measure(measures.REWARD_ACCURACY, reward.accuracy if reward else None)
        yield from _measure(measures.REWARD_LABELS, reward.labels if reward else None)
        yield from _measure(measures.HUMAN_WIN_RATE, human.rate if human else None)
        yield from _measure(measures.HUMAN_LABELS, human.labels if human else None)
        yield from _gauge("prefloop_human_win_rate_chance", "Of choosing blindly.", human.chance if human else None)

    def _stops(self) -> Iterator[Metric]:
        standing = GaugeMetricFamily("prefloop_stopped", "Stops that stand.", labels=["service", "cause"])
        for stop in stops.all_standing(self._db):
            standing.add_metric([stop.service or LINE, stop.cause or PERSON], 1)
        yield standing

    def _clocks(self, settings: Settings) -> Iterator[Metric]:
        read = freshness.read(self._db)
        clocks = {name: getattr(read, name) for name in CLOCKS}
        now = {name: clock.now for name, clock in clocks.items()}
        last = {name: clock.last for name, clock in clocks.items()}
        bounds = {name: getattr(settings.freshness, name) for name in CLOCKS}
        yield _by("prefloop_freshness_waiting_seconds", "What waits longest, for so long.", "clock", now)
        yield _by("prefloop_freshness_last_seconds", "How long the last one took.", "clock", last)
        yield _by("prefloop_freshness_bound_seconds", "How long it may take.", "clock", bounds)

    def _services(self) -> Iterator[Metric]:
        """A service without a process that gave a sign of life is a zero: that it is not there is what is known."""
        alive = [process for process in presence.processes(self._db) if process.silent_seconds <= SILENT_SECONDS]
        up = {name: float(sum(process.service == name for process in alive)) for name in SERVICES}
        yield _by("prefloop_service_processes", "Processes of a service that live.", "service", up)
        for fact, text, choose in (
            ("memory_bytes", "The most memory that a process of the service ever held.", max),
            ("disk_free_bytes", "Free space where the service writes checkpoints.", min),
        ):
            said = [(process.service, value) for process in alive if isinstance(value := process.facts.get(fact), int)]
            by_service = {
                name: float(choose(value for service, value in said if service == name))
                for name in {service for service, _ in said}
            }
            yield _by(f"prefloop_service_{fact}", text, "service", by_service)

    def _queues(self) -> Iterator[Metric]:
        depths: Mapping[str, int] | None = None
        try:
            depths = self._depths()
        except LoopError as error:
            log.warning("queue depths are missing from /metrics: %s", error)
        yield from _gauge("prefloop_redis_up", "Whether Redis answered this scrape.", float(depths is not None))
        waiting = {queue: float(depth) for queue, depth in (depths or {}).items()}
        yield _by("prefloop_queue_depth", "Messages waiting in a queue.", "queue", waiting)


def _labels(state: LoopState, counted: Counts, settings: Settings) -> Iterator[Metric]:
    yield CounterMetricFamily("prefloop_labels", "Labels people gave, retracted ones too.", counted.labels)
    yield from _gauge("prefloop_labels_learnable", "Labels that reward models learn from.", state.labels)
    yield from _gauge("prefloop_labels_budget", "Labels wanted by the end of training.", settings.labels.budget)
    wanted = None if finished(state, settings) else labels_wanted(state, settings)
    yield from _gauge("prefloop_labels_wanted", "Labels the loop cannot go on without.", wanted)
    at = None if counted.labeled_at is None else counted.labeled_at.timestamp()
    yield from _gauge("prefloop_labeled_timestamp_seconds", "When the newest label was given, since 1970.", at)
    yield from _gauge("prefloop_open_queries", "Queries that wait for their first answer.", state.open_queries)
    oldest = counted.oldest_open_seconds
    yield from _gauge("prefloop_open_query_oldest_seconds", "How long the oldest of them waits.", oldest)
    yield from _gauge("prefloop_open_leases", "Queries lent to somebody right now.", counted.leases_open)


def _batch(counted: Counts, settings: Settings) -> Iterator[Metric]:
    """Of the newest batch; a figure that older versions of prefloop did not note is absent."""
    if counted.newest is not None:
        for key, measure in measures.BATCH.items():
            yield from _measure(measure, counted.newest.stats.get(key))
        yield from _measure(measures.EPISODE, counted.newest.episodes)
    yield from _gauge("prefloop_episodes_planned", "PPO episodes by the end of training.", settings.ppo.episodes)
    yield from _gauge("prefloop_kl_target", "KL that the coefficient aims at, nats a response.", settings.ppo.kl_target)
    yield from _gauge("prefloop_kl_bound", "KL at which the loop stops itself, nats a response.", settings.guards.kl)


def _jobs(counted: Counts) -> Iterator[Metric]:
    jobs = {state.value: float(counted.jobs.get(state, 0)) for state in JobState}
    yield _by("prefloop_jobs", "Jobs by state.", "state", jobs)
    yield from _gauge("prefloop_job_failures", "Failed attempts of jobs that are not done yet.", counted.failures)
    yield CounterMetricFamily("prefloop_worker_deaths", "Workers that ended amid a job.", counted.deaths)
    rewards = {status.value: float(counted.rewards.get(status, 0)) for status in RewardStatus}
    yield _by("prefloop_rewards", "Trained reward models, by what the gate said.", "status", rewards)
    yield from _gauge("prefloop_rewards_rejected_in_a_row", "Since the last that passed.", counted.rejected)


def registry(collector: LoopCollector) -> CollectorRegistry:
    own = CollectorRegistry(auto_describe=False)
    own.register(collector)
    return own


def _measure(measure: Measure, value: float | None) -> Iterator[Metric]:
    yield from _gauge(measure.prometheus, measure.text, value)


def _gauge(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """Nothing where there is no value yet: an absent series is not a zero."""
    if value is not None:
        yield GaugeMetricFamily(name, text, value)


def _by(name: str, text: str, label: str, values: Mapping[str, float | None]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        if value is not None:
            family.add_metric([key], value)
    return family
