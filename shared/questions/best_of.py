"""Best of N: people choose one of the N responses to a query, as in the paper, whose N is 4.

Stored: `best`, the index of the chosen response as the policy wrote them, beside `position`, where it stood when shown.
Learnt: the softmax cross-entropy of the N scores.
"""

from shared.domain import LabelKind
from shared.questions.question import Question

BEST_OF = Question(
    kind=LabelKind.BEST_OF,
    text="Which response is best?",
    responses=(2, 8),
    scale=None,
    stored="best",
    loss="best_of_loss",
    agreement="chosen_highest",
    compares="held-out labels",
)
