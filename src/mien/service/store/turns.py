"""Turns: work that one worker at a time does, of all that share a store. A turn that is not kept up ends by itself."""

from __future__ import annotations

import sqlalchemy as sql

from mien.service.store.connecting import LOG
from mien.service.store.rows import now
from mien.service.store.store import Store
from mien.service.store.tables import facts

SECOND = 1_000_000
"""µs."""


def take_turn(store: Store, name: str, seconds: float) -> int:
    """Begin a turn that lasts so long, unless another worker has it.

    Returns
    -------
    The time in µs at which it ends, by which its holder keeps it up; 0 where another worker has it.
    """
    ends = now() + int(seconds * SECOND)
    with store._writing(LOG) as connection:
        value = connection.execute(sql.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()
        if value is None:
            connection.execute(facts.insert(), {"name": name, "value": ends})
        elif value > now():
            return 0
        else:
            connection.execute(sql.update(facts).where(facts.c.name == name).values(value=ends))
    return ends


def keep_turn(store: Store, name: str, ends: int, seconds: float) -> int:
    """Let a turn last so long from now on; also 0 s, which ends it.

    Returns
    -------
    The time at which it ends now; 0 where it had ended, and another worker has had it since.
    """
    later = now() + int(seconds * SECOND)
    with store._writing(LOG) as connection:
        mine = sql.update(facts).where(facts.c.name == name, facts.c.value == ends).values(value=later)
        return later if connection.execute(mine).rowcount else 0


def is_taken(store: Store, name: str) -> bool:
    """Whether a worker has the turn now."""
    with store._reading() as connection:
        value = connection.execute(sql.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()
    return value is not None and value > now()
