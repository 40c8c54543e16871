"""Stop when labels come too late: what people judge now was written by policies long gone, so r learns about those.

How many labels there are the plan sees to: π waits for them (`shared.plan.labels_by`). This is about what they are of.
The age of a label is the number of policies that came, from parent to child, between the one that wrote what was judged
and the one that was live when it was. (Counted up to now instead, labels would grow old by design at the end of every
loop, where l(n) asks for few.)
"""

from bisect import bisect_right
from statistics import median_low

from shared.domain import Cause
from shared.guards.evidence import Evidence
from shared.guards.guard import Guard
from shared.settings import GuardSettings


def look(evidence: Evidence, settings: GuardSettings) -> str | None:
    places = {one.version: place for place, one in enumerate(evidence.generations)}
    since = [one.created_at for one in evidence.generations]
    ages = [
        max(0, bisect_right(since, label.created_at) - 1 - places[label.policy_version])
        for label in evidence.given
        if label.policy_version in places  # of a policy rolled back from, there is no distance
    ]
    if settings.label_age is None or not evidence.labels_due or not ages:
        return None
    age = median_low(ages)
    if age <= settings.label_age:
        return None
    return (
        f"half of the newest {len(ages)} labels or more are about texts that were {age} policies old, or older, when "
        f"they were judged: beyond guards.label_age, {settings.label_age}."
    )


GUARD = Guard(
    Cause.LABEL_AGE,
    look,
    "Lower sampler.staleness or sampler.backlog so that people are asked about the newest policy, look whether the "
    "sampler works, then resume; or raise guards.label_age.",
)
