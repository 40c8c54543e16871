"""/metrics: the loop as Prometheus gauges and counters, read from the store at each scrape."""

import logging
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.dashboard.view import View
from shared.domain import JobState, LoopError

log = logging.getLogger(__name__)


class LoopCollector(Collector):
    """`read` gives the loop's state, `depths` the messages waiting in each queue."""

    def __init__(self, read: Callable[[], View], depths: Callable[[], Mapping[str, int]]) -> None:
        self._read = read
        self._depths = depths

    def collect(self) -> Iterator[Metric]:
        view = self._read()
        training, reward, policy = view.training, view.reward.newest, view.policy.newest
        human = view.evaluation.newest
        yield CounterMetricFamily("prefloop_labels", "Labels people gave.", view.labels.count)
        yield CounterMetricFamily("prefloop_episodes", "PPO episodes taken.", training.episodes)
        yield from _gauge("prefloop_labels_budget", "Labels wanted by the end of training.", view.labels.budget)
        yield from _gauge(
            "prefloop_open_queries", "Queries that wait for their first answer.", view.labels.open_queries
        )
        yield from _gauge("prefloop_open_leases", "Queries lent to somebody right now.", view.labels.leases_open)
        yield from _gauge("prefloop_reward_version", "Newest published reward.", reward.version if reward else None)
        yield from _gauge(
            "prefloop_reward_accuracy", "Its share of held-out labels predicted.", reward.accuracy if reward else None
        )
        yield from _gauge("prefloop_policy_version", "Newest published policy.", policy.version if policy else None)
        yield from _gauge(
            "prefloop_human_win_rate", "Share of labels that chose it over ρ.", human.rate if human else None
        )
        yield from _gauge("prefloop_human_win_rate_labels", "Labels behind it.", human.labels if human else None)
        yield from _gauge("prefloop_kl", "KL of policy and reference, nats a response, newest batch.", training.kl)
        yield from _gauge("prefloop_kl_coef", "KL coefficient of the newest batch.", training.kl_coef)
        yield from _gauge("prefloop_score", "Mean score of the newest batch.", training.score)
        yield self._jobs(view)
        yield from self._queues()

    def _jobs(self, view: View) -> Metric:
        jobs = GaugeMetricFamily("prefloop_jobs", "Jobs that are not done, by state.", labels=["state"])
        for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
            jobs.add_metric([state], sum(job.state is state for job in view.jobs))
        return jobs

    def _queues(self) -> Iterator[Metric]:
        depths: Mapping[str, int] | None = None
        try:
            depths = self._depths()
        except LoopError as error:
            log.warning("queue depths are missing from /metrics: %s", error)
        yield from _gauge("prefloop_redis_up", "Whether Redis answered this scrape.", float(depths is not None))
        waiting = GaugeMetricFamily("prefloop_queue_depth", "Messages waiting in a queue.", labels=["queue"])
        for queue, depth in (depths or {}).items():
            waiting.add_metric([queue], depth)
        yield waiting


def registry(collector: LoopCollector) -> CollectorRegistry:
    own = CollectorRegistry(auto_describe=False)
    own.register(collector)
    return own


def _gauge(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """Nothing where there is no value yet: an absent series is not a zero."""
    if value is not None:
        yield GaugeMetricFamily(name, text, value)
