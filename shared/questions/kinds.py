"""All kinds of labels, by name."""

from shared.domain import LabelKind
from shared.questions.best_of import BEST_OF
from shared.questions.pairwise import PAIRWISE
from shared.questions.question import Question
from shared.questions.rating import RATING

QUESTIONS: dict[LabelKind, Question] = {question.kind: question for question in (BEST_OF, PAIRWISE, RATING)}
