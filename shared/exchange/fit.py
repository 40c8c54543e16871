"""Records of another loop, or of no loop, as this one can learn from them: its tokenizer, its lengths, its question."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain import LoopError, Purpose
from shared.exchange.records import Passage, Record, bad
from shared.exchange.vocabulary import Vocabulary
from shared.questions.question import Question
from shared.settings import TaskSettings


class UnfitError(LoopError):
    """A record without fault, of which this loop can make no label."""


@dataclass(slots=True)
class Fit:
    """What this loop asks of a record; `left_out` counts those that `fitted` passed over."""

    vocabulary: Vocabulary
    task: TaskSettings
    question: Question
    left_out: int = 0

    def fitted(self, found: Iterable[tuple[str, Record]], *, skip: bool) -> Iterator[Record]:
        """The records as this loop has them. UnfitError for one it cannot have, or it is left out where `skip` says."""
        for where, record in found:
            try:
                yield self._fitted(where, record)
            except UnfitError as error:
                if not skip:
                    raise UnfitError(f"{error}, or leave out all that do not fit with --skip-unfit") from None
                self.left_out += 1

    def _fitted(self, where: str, record: Record) -> Record:
        self._require_question(where, record)
        query = self._passage(record.query, self.task.query_tokens, where, "query")
        responses = []
        for index, response in enumerate(record.responses):
            passage = self._passage(response, self.task.response_tokens, where, f"responses.{index}")
            responses.append(response.model_copy(update={"tokens": passage.tokens}))
        if record.best is not None and len({response.tokens for response in responses}) == 1:
            raise _unfit(where, "responses", responses[0].text, "all are the same, so there is nothing to learn")
        return record.model_copy(update={"query": query, "responses": tuple(responses)})

    def _require_question(self, where: str, record: Record) -> None:
        if record.purpose is not Purpose.TRAINING:
            raise _unfit(where, "purpose", record.purpose.value, "only labels for training are imported")
        kind, (least, most) = self.question.kind, self.question.responses
        if not self.question.fits(len(record.responses)):
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise _unfit(where, "responses", len(record.responses), f"labels.kind {kind} has {wanted}")
        if not record.none_acceptable and getattr(record, self.question.stored) is None:
            raise _unfit(where, self.question.stored, None, f"labels.kind {kind} stores nothing else")

    def _passage(self, passage: Passage, most: int, where: str, field: str) -> Passage:
        """Its own tokens where they spell its text, of whichever tokenizer they are; else those of the text.

        A policy may write what its tokenizer would have cut otherwise: such tokens are kept.
        """
        tokens = passage.tokens
        if not self._spell(tokens, passage.text):
            tokens = self.vocabulary.encode(passage.text)
        if not 0 < len(tokens) <= most:
            raise _unfit(where, field, passage.text, f"{len(tokens)} tokens; 1 to {most} are possible")
        return passage.model_copy(update={"tokens": tokens})

    def _spell(self, tokens: tuple[int, ...], text: str) -> bool:
        if not all(0 <= token < len(self.vocabulary) for token in tokens):
            return False
        return self.vocabulary.decode(tokens) == text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _unfit(where: str, field: str, value: object, wrong: str) -> UnfitError:
    return UnfitError(str(bad(where, field, value, wrong)))
