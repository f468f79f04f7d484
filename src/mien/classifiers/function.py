"""Any function that gives probabilities, as a classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec
from mien.errors import DataError
from mien.outside import words
from mien.types import FeatureRequest, Floats, Outputs, digest

FEATURES = "features"
"""Name of the vector where the function gives a bare array of features."""


class FunctionClassifier:
    """A function from arrays to probabilities, or to probabilities and features.

    Parameters
    ----------
    function : (N, …) in the form of `inputs` → (N, K) probabilities; or a pair of these and of features: one (N, D)
        array, or name → (N, D) array.
    classes : the K class names.
    inputs : what the function reads.
    id : text that changes whenever the answers do, such as the version of the weights. By default it is made of the
        function's name and code; weights that it reads from elsewhere are no part of it.

    Examples
    --------
    >>> def bright(images):
    ...     share = images.mean((1, 2)) / 255
    ...     return np.stack([1 - share, share], 1), share
    >>> classifier = FunctionClassifier(bright, ["dark", "bright"], ImageSpec(16))
    >>> found = classifier.outputs(Batch(np.full((1, 16, 16), 255, np.uint8)))
    >>> found.predicted, found.vectors["features"].shape
    (array([1]), (1, 1))
    """

    def __init__(
        self, function: Callable[..., Any], classes: Sequence[str], inputs: ImageSpec | TableSpec, id: str = ""
    ) -> None:
        self.function, self.classes, self.inputs, self.id = function, tuple(classes), inputs, id

    @cached_property
    def card(self) -> ClassifierCard:
        """The layers are those that the function gives for one blank row."""
        shape = self.inputs.settings.shape if isinstance(self.inputs, ImageSpec) else (self.inputs.width,)
        blank = np.zeros((1, *shape), np.uint8 if isinstance(self.inputs, ImageSpec) else np.float64)
        layers = tuple(Layer(name, values.shape[1:]) for name, values in self._called(blank)[1].items())
        mode = self.inputs.resize_mode if isinstance(self.inputs, ImageSpec) else ""
        identity = self._identity() if mode in ("", ImageSpec.resize_mode) else self._identity(mode)
        return ClassifierCard(identity, self.classes, inputs=self.inputs, layers=layers)

    def has_identity(self, stored: str) -> bool:
        """Whether an identity is that of this function; mien 0.1 left the resize mode out."""
        return stored in (self.card.id, self._identity())

    def _identity(self, *more: str) -> str:
        return digest("function", self.id or code_of(self.function), self.classes, str(self.inputs), *more)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """Probabilities, and the features that the request names."""
        batch.checked(self.card, request)
        if not len(batch):
            return Outputs(batch.ids, np.empty((0, len(self.classes))))
        probs, features = self._called(batch.data)
        return Outputs(batch.ids, probs, None, {name: features[name] for name in features if request.matches(name)})  # type: ignore[arg-type]

    def _called(self, data: NDArray[Any]) -> tuple[Floats, dict[str, Floats]]:
        """Probabilities and named features of some rows."""
        probs, features = answer_of(self.function, data, "function")
        named = {} if features is None else features if isinstance(features, Mapping) else {FEATURES: features}
        checked = Outputs(None, probs, None, named)  # type: ignore[arg-type]
        if checked.probs.shape != (len(data), len(self.classes)):
            cause = f"gave probabilities of shape {checked.probs.shape} for {len(data)} rows"
            remedy = f"return ({len(data)}, {len(self.classes)}): a row for each row, a column for each class"
            raise DataError(cause, place="function", remedy=remedy)
        return checked.probs, dict(checked.vectors)


def answer_of(function: Callable[..., Any], data: NDArray[Any], place: str) -> tuple[Any, Any]:
    """What a function gives for some rows: probabilities, and features or None.

    The function has a copy of the rows, which it may change.

    Raises
    ------
    DataError : it raises an error, ends the process, or gives more than two values.
    """
    try:
        answer = function(np.array(data))
    except (Exception, SystemExit) as error:  # a function may raise anything
        cause = f"raises {type(error).__name__} for an array of shape {data.shape}: {words(error)}"
        raise DataError(cause, place=place, remedy="try it on such an array in Python") from error
    if not isinstance(answer, tuple):
        return answer, None
    if len(answer) != 2:
        remedy = "return probabilities as one array, or a pair of these and of features"
        raise DataError(f"gives {len(answer)} values", place=place, remedy=remedy)
    return answer[0], answer[1]


def code_of(function: Callable[..., Any]) -> tuple[str, str, str]:
    """Module, name and code of a function: what is known of it without a name for its version."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return getattr(function, "__module__", ""), name, _content(getattr(function, "__code__", None))


def _content(part: object) -> str:
    """The instructions, names and constants of a function, the same in every process of one version of Python."""
    if isinstance(part, CodeType):
        return f"{part.co_code.hex()} {part.co_names} {[_content(constant) for constant in part.co_consts]}"
    if isinstance(part, frozenset):  # its order differs from process to process
        return str(sorted(map(repr, part)))
    return repr(part)
