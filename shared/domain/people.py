"""Who takes part."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Each may do what those before it may: label; look at people's work; run the loop; make and end accounts."""

    LABELER = "labeler"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def at_least(self, other: "Role") -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as their API key or their browser's sign-in says."""

    labeler_id: int
    name: str
    role: Role
