"""The nouns every service shares: plain frozen types, standard library only."""

from shared.domain.labels import Answer, EmptyReason, Flag, Lease, LeaseState, Nothing, Progress, Receipt, SkipReason
from shared.domain.loop import (
    Job,
    JobState,
    LoopError,
    LoopState,
    PolicyVersion,
    RewardStatus,
    RewardVersion,
    Schedule,
    Stop,
    TaskName,
)
from shared.domain.people import Principal, Role
from shared.domain.queries import ComparisonState, LabeledQuery, LabelKind, NewQuery, Purpose, Response

__all__ = [
    "Answer",
    "ComparisonState",
    "EmptyReason",
    "Flag",
    "Job",
    "JobState",
    "LabelKind",
    "LabeledQuery",
    "Lease",
    "LeaseState",
    "LoopError",
    "LoopState",
    "NewQuery",
    "Nothing",
    "PolicyVersion",
    "Principal",
    "Progress",
    "Purpose",
    "Receipt",
    "Response",
    "RewardStatus",
    "RewardVersion",
    "Role",
    "Schedule",
    "SkipReason",
    "Stop",
    "TaskName",
]
