"""Which process is killed at which moment: all drawn from one seed, so that a choice can be replayed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """What the loop must be at when the kill comes."""

    ANY = "any time"
    LABELING = "labeling"
    SAMPLING = "sampling"
    REWARD_TRAINING = "training r"
    POLICY_TRAINING = "training π"
    PUBLICATION = "publication"


OWN = {  # what there is to lose
    "labeling": (Moment.LABELING,),
    "simulate": (Moment.LABELING,),
    "sampler": (Moment.SAMPLING,),
    "reward_trainer": (Moment.REWARD_TRAINING, Moment.PUBLICATION),
    "ppo": (Moment.POLICY_TRAINING, Moment.PUBLICATION),
}


@dataclass(frozen=True, slots=True)
class Kill:
    """`pause`: seconds after the kill before. `delay`: seconds into the moment. `overlaps`: the one before may last."""

    victim: str
    moment: Moment
    pause: float
    delay: float
    overlaps: bool


def draw(seed: int, victims: Sequence[str], *, every: float) -> Iterator[Kill]:
    """Without end. Victims come as cards from shuffled decks: in random order, and none is left out.

    Mostly they are killed at their own work, the others at anybody's.
    """
    source = random.Random(seed)
    while True:
        for victim in source.sample(victims, len(victims)):
            own = OWN.get(victim, ()) if source.random() < 0.8 else ()
            moment = source.choice(own or tuple(Moment))
            yield Kill(
                victim,
                moment,
                pause=source.uniform(0, every),
                delay=0.0 if moment is Moment.PUBLICATION else source.uniform(0, 1),  # that is over in a blink
                overlaps=source.random() < 0.25,
            )
