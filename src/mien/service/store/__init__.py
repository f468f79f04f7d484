"""The database behind a server: decisions, verdicts on them, and the log of patches. All of SQLAlchemy stays here.

Names are resolved on first use, since SQLAlchemy is an optional package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien._lazy import lazy_exports

if TYPE_CHECKING:
    from mien.service.store.opening import open_store as open_store
    from mien.service.store.rows import DecisionRow as DecisionRow
    from mien.service.store.rows import LogEntry as LogEntry
    from mien.service.store.rows import ShadowRow as ShadowRow
    from mien.service.store.rows import VerdictRow as VerdictRow
    from mien.service.store.store import Store as Store

__getattr__, __dir__, __all__ = lazy_exports(__name__)
