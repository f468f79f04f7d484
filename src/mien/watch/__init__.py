"""Whether the promise of a certificate is kept after deployment, from verdicts on overrides alone.

Names are resolved on first use, since SciPy is slow to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien._lazy import lazy_exports

if TYPE_CHECKING:
    from mien.watch.audit import Audit as Audit
    from mien.watch.audit import harm_upper as harm_upper
    from mien.watch.counted import Counted as Counted
    from mien.watch.evidence import log_evidence_above as log_evidence_above
    from mien.watch.evidence import log_evidence_below as log_evidence_below
    from mien.watch.evidence import lower_bound as lower_bound
    from mien.watch.evidence import upper_bound as upper_bound
    from mien.watch.log import read_logs as read_logs
    from mien.watch.schedule import Schedule as Schedule
    from mien.watch.shift import Shift as Shift
    from mien.watch.state import Watch as Watch
    from mien.watch.state import limit_of as limit_of
    from mien.watch.state import right_share as right_share

__getattr__, __dir__, __all__ = lazy_exports(__name__)
