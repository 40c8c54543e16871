"""The label store's tables. Every constraint has a name; migrations/ builds the same from zero (a test compares)."""

from shared.store.tables.base import Base
from shared.store.tables.labels import STANDING, LabelRow, LeaseRow, Retraction
from shared.store.tables.loop import (
    ActionRow,
    JobRow,
    Policy,
    PPOBatch,
    Probe,
    Reward,
    Run,
    ServiceRow,
    StopRow,
)
from shared.store.tables.people import ApiKey, Invitation, Labeler, SignIn, Webhook
from shared.store.tables.questions import Comparison, Query, Response, Score

__all__ = [
    "STANDING",
    "ActionRow",
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
    "Probe",
    "Query",
    "Response",
    "Retraction",
    "Reward",
    "Run",
    "Score",
    "ServiceRow",
    "SignIn",
    "StopRow",
    "Webhook",
]
