"""Who was preferred to whom, of all comparisons and evaluation queries together."""

from shared.quality.leaderboard import REF_POLICY, Contest
from shared.store import comparisons
from shared.store.database import Database
from shared.store.evaluations import human_win_rates


def contests(db: Database) -> list[Contest]:
    """Of π against ρ by evaluation queries, and of each comparison, ended or not."""
    found = [
        Contest(human.policy_version, REF_POLICY, human.wins, human.labels - human.wins, human.chance)
        for human in human_win_rates(db)
    ]
    for compared in comparisons.listed(db):
        other = compared.reference if compared.against is None else compared.against
        assert other is not None  # a comparison has one of both
        found.append(Contest(compared.version, other, compared.tally.wins, compared.tally.losses))
    return found
