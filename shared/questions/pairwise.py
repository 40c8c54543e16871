"""Pairwise comparison: people choose one of two responses.

Stored as best of N is. Learnt: the same loss with N = 2, which is -log sigmoid(r(x, y_best) - r(x, y_other)), the model
of Bradley and Terry 1952.
"""

from shared.domain import LabelKind
from shared.questions.question import Question

PAIRWISE = Question(
    kind=LabelKind.PAIRWISE,
    text="Which response is better?",
    responses=(2, 2),
    scale=None,
    stored="best",
    loss="best_of_loss",
    agreement="chosen_highest",
    compares="held-out labels",
)
