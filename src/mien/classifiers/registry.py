"""Open a classifier, whatever it is: one line here for each kind, and entry points for kinds from outside mien."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mien.classifiers.contract import Classifier
from mien.data.answers import is_table
from mien.errors import UsageError, choice_error

GROUP = "mien.classifiers"
"""Entry points of this group name functions (source, **settings) → classifier."""


@dataclass(frozen=True)
class _Kind:
    """A kind of source: whether something is one, told without loading anything, and where its opener is."""

    name: str
    accepts: Callable[[Any], bool]
    home: str


def _is_folder(source: Any) -> bool:
    return isinstance(source, str | Path) and (Path(source).is_dir() or not Path(source).suffix)


def _is_table_file(source: Any) -> bool:
    return isinstance(source, str | Path) and is_table(Path(source))


def _is_estimator(source: Any) -> bool:
    return hasattr(source, "fit") and hasattr(source, "get_params") and not isinstance(source, type)


def _is_table(source: Any) -> bool:
    return hasattr(source, "probs") and hasattr(source, "ids")


def _is_model(source: Any) -> bool:
    return isinstance(source, str | Path) and Path(source).suffix.lower() in (".onnx", ".skops")


def _is_module(source: Any) -> bool:
    return hasattr(source, "state_dict") and hasattr(source, "named_modules") and not isinstance(source, type)


def _is_function(source: Any) -> bool:
    return callable(source) and not isinstance(source, type) and not hasattr(source, "state_dict")


KINDS = (
    _Kind("model", _is_model, "adopted:open_model"),
    _Kind("module", _is_module, "adopted:open_model"),
    _Kind("answers", _is_table_file, "table:open_table"),
    _Kind("run", _is_folder, "cell:open_run"),
    _Kind("estimator", _is_estimator, "sklearn:EstimatorClassifier"),
    _Kind("table", _is_table, "table:TableClassifier"),
    _Kind("function", _is_function, "function:FunctionClassifier"),
)


def open_classifier(source: Any, kind: str | None = None, **settings: Any) -> Classifier:
    """The classifier that something is, or that a path holds.

    Parameters
    ----------
    source : a classifier (returned as it is); the folder of a run, of one network or of an adopted classifier; an ONNX
        or skops file; a torch module; a fitted scikit-learn estimator; a function from arrays to probabilities; outputs
        that were computed elsewhere, or the file of a table of them.
    kind : what the source is, where it cannot be told: one of KINDS, or the name of an installed entry point.
    settings : of that kind, such as `classes` and `inputs` of a function, `left_out` and `seed` of a run, or of a file
        and a module the fields of `mien.classifiers.declare.InputSettings`, such as `scaling`.

    Raises
    ------
    UsageError : no classifier, or settings that the kind does not have. RunError : a folder without a classifier.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> open_classifier(LogisticRegression().fit([[0.0], [1.0]], ["calm", "fear"])).card.classes
    ('calm', 'fear')
    """
    if kind is None and not isinstance(source, type | str | Path) and isinstance(source, Classifier):
        return source
    opener = _opener(source, kind)
    known = list(inspect.signature(opener).parameters.values())[1:]
    names = [parameter.name for parameter in known]
    for name in settings:
        if name not in names and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
            raise choice_error("setting", name, names or ["none"], place="open_classifier")
    absent = [parameter.name for parameter in known if parameter.default is parameter.empty and parameter.kind in (
        parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name not in settings]  # fmt: skip
    if absent:
        remedy = f"give {', '.join(f'{name}=…' for name in absent)}"
        raise UsageError("settings are missing", place=_shown(source), remedy=remedy)
    return opener(source, **settings)


def _opener(source: Any, kind: str | None) -> Callable[..., Classifier]:
    matching = [entry for entry in KINDS if (entry.accepts(source) if kind is None else entry.name == kind)]
    if matching:
        module, _, name = matching[0].home.partition(":")
        return getattr(import_module(f"mien.classifiers.{module}"), name)  # type: ignore[no-any-return]
    outside = {point.name: point for point in entry_points(group=GROUP)}
    if kind in outside:
        return outside[kind].load()  # type: ignore[no-any-return]
    if kind is not None:
        raise choice_error(
            "kind of classifier", kind, [*(entry.name for entry in KINDS), *outside], place="open_classifier"
        )
    cause = "is no classifier that can be opened"
    remedy = (
        "give the folder of a run or a network, an ONNX file, a fitted scikit-learn estimator, a function that returns "
        "probabilities, or an object with `card` and `outputs`; for other models, wrap their prediction in a function: "
        "mien.classifiers.function.FunctionClassifier(predict, classes, inputs)"
    )
    raise UsageError(cause, place=_shown(source), remedy=remedy)


def _shown(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else type(source).__name__
