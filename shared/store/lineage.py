"""From labels to the reward and policy versions they moved, and back: what r learnt from, and where π came from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from shared.descent import descent
from shared.domain import Check, LoopError, RewardStatus
from shared.store import accounts
from shared.store.database import Database
from shared.store.queries import learnable_upto
from shared.store.tables import Labeler, LabelRow, Policy, Retraction, Reward
from shared.store.versions import find_live_policy


class UnknownVersionError(LoopError):
    """There is no such version, label or retraction."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A reward version and, of the labels asked about, those it was made with by labeler: trained on, or held out.

    `retracted` of them were taken back since. `reason` and `verdict`: what the gate said of it, and looked at.
    """

    version: int
    status: RewardStatus
    reason: str
    labels: dict[str, int]
    retracted: int
    verdict: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A policy version, trained from `parent` with `reward_version`; none of either: the reference policy.

    abandoned: by a rollback; it is not the live one, and the live one does not descend from it.
    """

    version: int
    parent: int | None
    reward_version: int | None
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """Both sorted by version. Parents of these policies may be left out."""

    rewards: list[Learnt]
    policies: list[Moved]


def of_all(db: Database) -> Lineage:
    """Every version there is."""
    with db.snapshot() as session:
        return Lineage(_learnt(session), _policies(session))


def of_reward(db: Database, version: int) -> Lineage:
    """One reward version with all its labels, and the policies that it moved. UnknownVersionError: it is not there."""
    with db.snapshot() as session:
        _require(session.get(Reward, version), f"reward version {version}")
        return Lineage(_learnt(session, Reward.version == version), _moved_by(_policies(session), {version}))


def of_policy(db: Database, version: int) -> Lineage:
    """One policy version with those it descends from, and the reward versions that they were trained with."""
    with db.snapshot() as session:
        _require(session.get(Policy, version), f"policy version {version}")
        chain = _ancestors(_policies(session), version)
        used = [policy.reward_version for policy in chain if policy.reward_version is not None]
        return Lineage(_learnt(session, Reward.version.in_(used)), chain)


def of_label(db: Database, label_id: int) -> Lineage:
    """The versions that one label moved. LoopError where it is not there."""
    with db.snapshot() as session:
        _require(session.get(LabelRow, label_id), f"label {label_id}")
        return _moved(session, LabelRow.id == label_id)


def of_labeler(db: Database, name: str) -> Lineage:
    """The versions that one person's labels moved. LoopError where there is no such account."""
    with db.snapshot() as session:
        return _moved(session, LabelRow.labeler_id == accounts.find(session, name).id)


def of_retraction(db: Database, retraction_id: int) -> Lineage:
    """The versions that the labels of a retraction had moved. LoopError where it is not there."""
    with db.snapshot() as session:
        _require(session.get(Retraction, retraction_id), f"retraction {retraction_id}")
        return _moved(session, LabelRow.retraction_id == retraction_id)


def _require(found: object, what: str) -> None:
    if found is None:
        raise UnknownVersionError(f"there is no {what} in this store: `prefloop lineage` shows what there is")


def _moved(session: Session, condition: ColumnElement[bool]) -> Lineage:
    learnt = _learnt(session, condition)
    return Lineage(learnt, _moved_by(_policies(session), {reward.version for reward in learnt}))


def _learnt(session: Session, *conditions: ColumnElement[bool]) -> list[Learnt]:
    """All reward versions, with their labels, to which the conditions apply."""
    read = and_(*learnable_upto(Reward.label_watermark, Reward.retraction_watermark))
    rows = session.execute(
        select(Reward, Labeler.name, func.count(LabelRow.id), func.count(LabelRow.retraction_id))
        .select_from(Reward)
        .outerjoin(LabelRow, read)
        .outerjoin(Labeler, Labeler.id == LabelRow.labeler_id)
        .where(*conditions)
        .group_by(Reward.version, Labeler.name)
        .order_by(Reward.version, Labeler.name)
    )
    found: dict[int, Learnt] = {}
    for row, name, labels, retracted in rows:
        before = found.get(row.version)
        counts = {**(before.labels if before else {}), **({name: labels} if labels else {})}
        found[row.version] = Learnt(
            row.version,
            RewardStatus(row.status),
            row.reason,
            counts,
            retracted + (before.retracted if before else 0),
            tuple(Check(**check) for check in row.verdict),
        )
    return list(found.values())


def _policies(session: Session) -> list[Moved]:
    rows = session.execute(select(Policy.version, Policy.parent, Policy.reward_version).order_by(Policy.version))
    policies = [Moved(version, parent, reward_version) for version, parent, reward_version in rows]
    live = find_live_policy(session)
    standing = {policy.version for policy in _ancestors(policies, live.version)} if live else set()
    return [replace(policy, abandoned=policy.version not in standing) for policy in policies]


def _moved_by(policies: Sequence[Moved], rewards: set[int]) -> list[Moved]:
    """Those trained with one of the rewards, and all that descend from them: a parent's version is the smaller one."""
    moved: dict[int, Moved] = {}
    for policy in policies:
        if policy.reward_version in rewards or policy.parent in moved:
            moved[policy.version] = policy
    return list(moved.values())


def _ancestors(policies: Sequence[Moved], version: int) -> list[Moved]:
    """The policy and all that it descends from, the reference policy first."""
    by_version = {policy.version: policy for policy in policies}
    return [by_version[one] for one in descent({policy.version: policy.parent for policy in policies}, version)]
