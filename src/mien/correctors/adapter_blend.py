"""An adapter beside a kernel machine: the mean of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from mien.correctors.adapter import Adapter
from mien.correctors.blend import Blend
from mien.correctors.contract import Corrector, LayerSource, Target
from mien.correctors.projection import Nystroem


class AdapterBlend(Blend):
    """An adapter and an RBF kernel machine, blended: the one learns on a map of f, the other on all vectors.

    It is what to take with features that are borrowed from another network, which the adapter alone does not read.

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    members : the two; by default an adapter with new weights on the first map.
    """

    name = "adapter_blend"
    weight_power = Adapter.weight_power / 2  # of the two, the adapter's log-odds have it

    @classmethod
    def for_classifier(cls, classifier: LayerSource, target: Target = None) -> Self:
        """The blend with an adapter for this classifier."""
        return cls(target, [Adapter.for_classifier(classifier, target), Nystroem(target)])

    def _unfitted(self) -> Sequence[Corrector]:
        return super()._unfitted() if self.members else [Adapter(self.target), Nystroem(self.target)]
