"""People's verdict on π: how often, of the labels on evaluation queries, the best response is π's and not ρ's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, and_, cast, func, select
from sqlalchemy.orm import aliased

from shared.intervals import Interval, wilson
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import LabelRow, Query, Response


@dataclass(frozen=True, slots=True)
class HumanWinRate:
    """Of `labels` on evaluation queries of one policy, `wins` chose a response of its own, the others one of ρ's.

    `chance` is the share of the responses shown that were the policy's: who chooses blindly chooses it that often.
    """

    policy_version: int
    labels: int
    wins: int
    chance: float

    @property
    def rate(self) -> float:
        return self.wins / self.labels

    @property
    def interval(self) -> Interval:
        return wilson(self.wins, self.labels)

    def as_dict(self) -> dict[str, Any]:
        return {
            "policy_version": self.policy_version,
            "labels": self.labels,
            "wins": self.wins,
            "rate": self.rate,
            "interval": self.interval,
            "chance": self.chance,
        }


def human_win_rates(db: Database) -> list[HumanWinRate]:
    """By policy version, the newest last; versions without such a label are left out.

    Nor do labels count that were taken back, or that none is acceptable.
    """
    best = aliased(Response)
    its_own = func.avg(cast(Response.policy_version == Query.policy_version, Integer))
    evaluation = (
        select(Query.id, its_own.label("share"))
        .join(Response, Response.query_id == Query.id)
        .group_by(Query.id)
        .having(its_own < 1)
        .subquery()
    )
    won = func.sum(cast(best.policy_version == Query.policy_version, Integer))
    with db.snapshot() as session:
        rows = session.execute(
            select(Query.policy_version, func.count(), won, func.avg(evaluation.c.share))
            .select_from(LabelRow)
            .join(Query, Query.id == LabelRow.query_id)
            .join(evaluation, evaluation.c.id == Query.id)
            .join(best, and_(best.query_id == Query.id, best.index == LabelRow.best))
            .where(*LEARNABLE)
            .group_by(Query.policy_version)
            .order_by(Query.policy_version)
        ).all()
    return [HumanWinRate(version, labels, wins, float(chance)) for version, labels, wins, chance in rows]
