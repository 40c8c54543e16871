"""The label store's tables. Every constraint has a name; migrations/ builds the same from zero (a test compares)."""

from shared.store.tables.base import Base
from shared.store.tables.labels import STANDING, LabelRow, LeaseRow, Retraction
from shared.store.tables.loop import JobRow, Policy, PPOBatch, Reward, Run, StopRow
from shared.store.tables.people import ApiKey, Invitation, Labeler, SignIn, Webhook
from shared.store.tables.questions import Comparison, Query, Response

__all__ = [
    "STANDING",
    "ApiKey",
    "Base",
    "Comparison",
    "Invitation",
    "JobRow",
    "LabelRow",
    "Labeler",
    "LeaseRow",
    "PPOBatch",
    "Policy",
    "Query",
    "Response",
    "Retraction",
    "Reward",
    "Run",
    "SignIn",
    "StopRow",
    "Webhook",
]
