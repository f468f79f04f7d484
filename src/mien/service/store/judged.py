"""What a store has to learn from: decisions with a verdict, and those that were drawn for one."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sql

from mien.service.store.rows import DecisionRow
from mien.service.store.store import Store
from mien.service.store.tables import crops, decisions, verdicts


@dataclass(frozen=True)
class Judged:
    """A decision whose crop is kept, and the class that its latest verdict names; None without a verdict."""

    decision: DecisionRow
    label: str | None


def judged(store: Store, limit: int) -> list[Judged]:
    """The newest decisions that have a verdict or were drawn for an audit, and whose crops are kept; oldest first."""
    last = sql.select(sql.func.max(verdicts.c.seq).label("seq")).group_by(verdicts.c.prediction).subquery()
    latest = sql.select(verdicts.c.prediction, verdicts.c.label).join(last, verdicts.c.seq == last.c.seq).subquery()
    query = (
        sql.select(decisions, latest.c.label)
        .join(crops, crops.c.prediction == decisions.c.prediction)
        .outerjoin(latest, latest.c.prediction == decisions.c.prediction)
        .where(latest.c.label.is_not(None) | decisions.c.chance.is_not(None))
        .order_by(decisions.c.seq.desc())
        .limit(limit)
    )
    with store._reading() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [Judged(label=row.pop("label"), decision=DecisionRow(**row)) for row in reversed(rows)]


def last_verdict(store: Store) -> int:
    """Place of the last verdict in the order of insertion; 0 where there is none."""
    with store._reading() as connection:
        return int(connection.execute(sql.select(sql.func.coalesce(sql.func.max(verdicts.c.seq), 0))).scalar_one())


def verdicts_after(store: Store, seq: int) -> int:
    """How many verdicts came after a place in the order of insertion; a changed verdict counts again."""
    query = sql.select(sql.func.count()).select_from(verdicts).where(verdicts.c.seq > seq)
    with store._reading() as connection:
        return int(connection.execute(query).scalar_one())
