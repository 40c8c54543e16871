"""Scalar rating: people say on a scale of 1 to 7 how good the only response to a query is.

Stored: `rating`, the number itself. Learnt: the squared error of the score against the rating, standardised.
"""

from shared.domain import LabelKind
from shared.questions.question import Question, Scale

SCALE = Scale(levels=7, low="very bad", high="very good")
RATING = Question(
    kind=LabelKind.RATING,
    text="How good is this response?",
    responses=(1, 1),
    scale=SCALE,
    stored="rating",
    loss="rating_loss",
    agreement="rated_in_order",
    compares="pairs of held-out ratings",
)
