"""Lineage as text: reward versions with whose labels they learnt from, and policies with what they were made of."""

from shared.store.lineage import Learnt, Lineage, Moved


def as_text(found: Lineage) -> str:
    lines = [*map(_reward, found.rewards), *map(_policy, found.policies)]
    return "\n".join(lines) or "no reward and no policy version"


def _reward(reward: Learnt) -> str:
    whose = ", ".join(f"{name} {count:,}" for name, count in reward.labels.items())
    since = f"; {reward.retracted:,} of them taken back since" if reward.retracted else ""
    return f"r{reward.version} ({reward.status}) learnt from {sum(reward.labels.values()):,} labels: {whose}{since}"


def _policy(policy: Moved) -> str:
    if policy.reward_version is None:
        return f"π{policy.version} is the reference policy"
    since = "; abandoned by a rollback" if policy.abandoned else ""
    return f"π{policy.version} comes from π{policy.parent} by r{policy.reward_version}{since}"
