"""Steering the loop: going back to an earlier pair of π and r, training r once more, trying again, pruning.

Whoever steers holds the loop's row: two rollbacks, a rollback and a prune, or a rollback and a new job cannot cross.
Publications hold nothing and need not: a rollback ends their jobs, and one that was quicker is abandoned with the rest.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.descent import descent
from shared.domain import Action, ActionKind, JobState, LoopError, LoopState, Purpose, RewardStatus
from shared.messages import AnyMessage
from shared.store import actions, jobs, versions
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import JobRow, LabelRow, Policy, Query, Reward, Run

ABANDONED = ("train_policy", "train_reward", "sample_queries")  # kinds of jobs that a rollback ends


class RefusedError(LoopError):
    """What an operator asked for cannot be: the message says why, and what can."""


def alone(session: Session) -> None:
    """From here to the end of the transaction nobody else steers. LoopError where no loop was started here."""
    if session.get(Run, 1, with_for_update=True) is None:
        raise LoopError("this store holds no loop yet: run `prefloop migrate`")


def rollback(db: Database, *, policy: int, reward: int | None = None, by: str, reason: str) -> Action:
    """Make an earlier, or abandoned, pair of versions live: training goes on from that π's trainer state with that r.

    `reward`: by default the r that the policy was trained with; for policy 0, which none has trained, no r: the next
    one that passes the gate. What is under way is canceled and cannot publish; nobody is asked what the abandoned
    versions said. RefusedError for versions that are not there, were rejected, or pruned.
    """
    with db.transaction() as session:
        alone(session)
        found = _policy(session, policy)
        scoring = found.reward_version if reward is None else reward
        if scoring is not None:
            _reward(session, scoring)
        newest = [session.scalar(select(func.max(table.version))) for table in (Policy, Reward)]
        last = [versions.last_given(session, q, one) for q, one in zip(("ppo", "reward_trainer"), newest, strict=True)]
        detail = {"policy": policy, "reward": scoring, "last_policy": last[0], "last_reward": last[1] or 0}
        action = actions.note(session, ActionKind.ROLLBACK, by=by, reason=reason, detail=detail)
        canceled = jobs.cancel(session, ABANDONED)  # before the queries: what was stored until now, is seen below
        retired = _retire_abandoned(session)
        for asked in _requests(session, canceled):
            actions.settle(session, asked, {"canceled_by": action.id})
        return actions.settle(session, action.id, {"canceled": canceled, "retired": retired})


def retrain(db: Database, *, by: str, reason: str) -> Action:
    """Have r trained once more on all labels, beside the label schedule. RefusedError with nothing to learn from."""
    with db.transaction() as session:
        alone(session)
        _not_twice(session, ActionKind.RETRAIN)
        if not session.scalar(select(func.count(LabelRow.id)).where(*LEARNABLE)):
            raise RefusedError("retrain: there are no labels to learn from yet")
        return actions.note(session, ActionKind.RETRAIN, by=by, reason=reason, detail={})


def retry(db: Database, *, by: str, reason: str) -> Action:
    """Give the jobs that failed at every attempt another try. RefusedError where none has."""
    with db.transaction() as session:
        alone(session)
        again = jobs.retry_failed(session)
        if not again:
            raise RefusedError("retry: no job has failed, there is nothing to try again")
        return actions.note(session, ActionKind.RETRY, by=by, reason=reason, detail={"jobs": again})


def ask_prune(db: Database, *, by: str, reason: str, dry_run: bool = False) -> Action:
    """Have the weights of versions that nothing uses removed (shared/store/keeping.py); `dry_run`: only said."""
    with db.transaction() as session:
        alone(session)
        _not_twice(session, ActionKind.PRUNE)
        return actions.note(session, ActionKind.PRUNE, by=by, reason=reason, detail={"dry_run": dry_run})


def note_planned(db: Database, state: LoopState, messages: Sequence[AnyMessage]) -> None:
    """Note what is to be done as of `state`, unless other versions are live since: then the next look finds what is.

    A rollback between the look and the note would else be followed by a segment of the policy that it abandoned.
    """
    if not messages:
        return
    with db.transaction() as session:
        alone(session)
        policy, reward = versions.find_live_policy(session), versions.find_live_reward(session)
        live = (policy and policy.version, reward and reward.version)
        if live == (state.policy_version, state.reward_version):
            for message in messages:
                jobs.note(session, message)


def retire_abandoned(db: Database) -> int:
    """Retire the queries that wait, lent to nobody, of policies that the live one does not descend from.

    A rollback does it too; this is for those that were lent then and came back unanswered.
    """
    with db.transaction() as session:
        return _retire_abandoned(session)


def _policy(session: Session, version: int) -> Policy:
    found = session.get(Policy, version)
    if found is None:
        there = session.scalars(select(Policy.version).where(Policy.pruned_at.is_(None)).order_by(Policy.version))
        raise RefusedError(f"policy: there is no version {version}; {_listed(there.all())}")
    if found.pruned_at is not None:
        raise RefusedError(f"policy: the weights of version {version} were pruned; go back to another one")
    return found


def _reward(session: Session, version: int) -> Reward:
    found = session.get(Reward, version)
    if found is None:
        sound = (Reward.pruned_at.is_(None), Reward.status == RewardStatus.PUBLISHED)
        there = session.scalars(select(Reward.version).where(*sound).order_by(Reward.version))
        raise RefusedError(f"reward: there is no version {version}; {_listed(there.all())}")
    if found.status == RewardStatus.REJECTED:
        raise RefusedError(
            f"reward: version {version} was rejected ({found.reason}) and may never score; name another one"
        )
    if found.pruned_at is not None:
        raise RefusedError(f"reward: the weights of version {version} were pruned; name another one")
    return found


def _listed(there: Sequence[int]) -> str:
    return f"there are {', '.join(map(str, there))}" if there else "there is none yet"


def _not_twice(session: Session, kind: ActionKind) -> None:
    waiting = actions.waiting(session, kind)
    if waiting is not None:
        raise RefusedError(f"{kind}: action {waiting} asks for the same and waits for its job already")


def _requests(session: Session, keys: Sequence[str]) -> list[int]:
    """The actions that asked for these jobs."""
    request = JobRow.message["request"].as_integer()
    asked = select(request).where(JobRow.key.in_(keys), request.is_not(None), JobRow.state == JobState.CANCELED)
    return [one for one in session.scalars(asked) if one is not None]


def _retire_abandoned(session: Session) -> int:
    live = versions.find_live_policy(session)
    if live is None:
        return 0
    kin = descent(versions.parents(session), live.version)
    abandoned = (Query.policy_version.is_not(None), Query.policy_version.not_in(kin))
    waiting = (Query.claims == Query.answers, Query.claims < Query.wanted, ~Query.retired)
    gone = update(Query).where(Query.purpose == Purpose.TRAINING, *abandoned, *waiting).values(retired=True)
    return len(session.scalars(gone.returning(Query.id)).all())
