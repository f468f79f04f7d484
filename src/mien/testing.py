"""The contracts as checks: for our own tests, and for readers, base classifiers and correctors written elsewhere.

Each check raises AssertionError with what is wrong, and returns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, Classifier, ClassifierCard, MapClassifier
from mien.correctors.contract import requested_features
from mien.errors import DataError, MienError, NotFittedError
from mien.faces.checked import check_detector as check_detector
from mien.features import matching
from mien.nets.settings import AugmentSettings
from mien.types import NO_LABEL, Dataset, FeatureRequest, Floats, Ints, Outputs, Proposal

CORRECTORS = "mien.correctors.contract.check_has_positives and mien.features.stack"
CHECKED = "mien.classifiers.contract.Batch.checked"
"""Functions that refuse what must be refused."""


def check_reader(read: Callable[..., Dataset], path: Path) -> None:
    """A reader lists a data set twice alike, keeps what was written, and refuses a missing path with a MienError."""
    first, again = read(path), read(path)
    assert isinstance(first, Dataset), "read must return a Dataset"
    assert len(first), f"read found no row in {path}"
    assert np.array_equal(first.ids, again.ids), "reading twice gives other ids"
    assert first.fingerprint() == again.fingerprint(), "reading twice gives another fingerprint"
    assert len(first.raw_labels) == len(first), "raw_labels must keep every label as it was written"
    labelled = first.labels != NO_LABEL
    meant = np.array([first.labelset.resolve(raw) for raw in first.raw_labels[labelled][:200].tolist()])
    known = meant != NO_LABEL
    assert (meant[known] == first.labels[labelled][:200][known]).all(), "labels disagree with raw_labels"
    assert (first.pixels is not None) or (first.paths != "").all(), "a row has neither pixels nor a path"
    try:
        read(path / "nothing-is-here")
    except MienError as error:
        assert error.place and error.remedy, "a refusal must say where and what to do"
    else:
        raise AssertionError("a missing path must be refused")


def check_network(kind: type[Any], *, size: int = 48, classes: int = 3) -> None:
    """A base classifier answers for grey and colour, names its layers, and never gives an unknown class."""
    import torch  # the only check that needs it

    for colours in (1, 3):
        known = (True,) * (classes - 1) + (False,)
        model = kind(classes=classes, colours=colours, known=known).eval()
        pictures = torch.rand(4, colours, size, size)
        with torch.inference_mode():
            logits, layers = model(pictures), model.activations(pictures)
        assert logits.shape == (4, classes), f"logits are {tuple(logits.shape)}, not (4, {classes})"
        assert set(layers) == set(kind.layers), f"activations {sorted(layers)} differ from layers {sorted(kind.layers)}"
        assert torch.equal(layers["logits"], logits), "the layer logits must be what forward returns"
        assert torch.isneginf(logits[:, -1]).all(), "the logit of an unknown class must be −∞"
        assert torch.isfinite(logits[:, :-1]).all(), "a known class has a logit that is not finite"
        assert all(values.ndim in (2, 4) for values in layers.values()), "layers are (B, D) or (B, C, H, W)"
        for buffer in ("known", "mean", "spread"):
            assert buffer in dict(model.named_buffers()), f"buffer {buffer} is missing"


def check_classifier(classifier: Any, batch: Batch, *, tolerance: float = 1e-3) -> None:
    """A classifier has a card, answers each row by itself, gives what is asked for, and refuses other batches.

    Parameters
    ----------
    batch : four rows or more that it can read.
    tolerance : largest difference between probabilities of one row in different batches.
    """
    assert isinstance(classifier, Classifier), "a classifier has a `card` and a method `outputs`"
    card, count = classifier.card, len(batch)
    assert isinstance(card, ClassifierCard) and card.id == classifier.card.id, "the card's id must stay the same"
    assert count >= 4 and card.inputs.fits(batch.data), f"give a batch of four rows or more of {card.inputs}"
    outputs = classifier.outputs(batch)
    assert isinstance(outputs, Outputs), "outputs must return Outputs"
    assert np.array_equal(outputs.ids, batch.ids), "the outputs must keep the ids of the batch"
    assert outputs.probs.shape == (count, len(card.classes)), (
        f"probabilities are {outputs.probs.shape}, the card has {len(card.classes)} classes"
    )
    assert np.array_equal(outputs.known, card.known_mask), "the outputs and the card differ in the known classes"
    assert np.array_equal(classifier.outputs(batch).probs, outputs.probs), "asking twice gives other probabilities"
    for rows in (np.arange(count)[::-2], np.array([count - 1]), np.array([0])):
        part = classifier.outputs(batch.take(rows))
        near = np.allclose(part.probs, outputs.probs[rows], atol=tolerance)
        assert near and np.array_equal(part.ids, batch.ids[rows]), "an answer depends on the rows beside it"
    empty = classifier.outputs(batch.take(np.arange(0)))
    assert empty.probs.shape == (0, len(card.classes)), "a batch without a row must be answered"
    _shows(classifier, batch, outputs)
    wrong = {
        "a batch with one dimension too many": batch.data[..., None],
        "a batch of another type": batch.data.astype(np.int16),
        "a batch that lacks a column": batch.data[:, :-1],
    }
    for what, data in wrong.items():
        if not card.inputs.fits(data):
            _refused(lambda data=data: classifier.outputs(Batch(data)), f"outputs takes {what}", CHECKED)  # type: ignore[misc]


def _shows(classifier: Classifier, batch: Batch, outputs: Outputs) -> None:
    """Assert that the layers of the card and of the outputs are the same, where they are asked for."""
    card = classifier.card
    assert not outputs.maps, "maps must be given only where the request names them"
    for layer in card.layers:
        if layer.kind == "vector":
            vectors = classifier.outputs(batch, FeatureRequest(vectors=(layer.name,))).vectors
            assert layer.name in vectors, f"the vector {layer.name} is on the card, and not in the outputs"
            assert vectors[layer.name].shape[1:] == layer.shape, f"the card has another shape of {layer.name}"
        if layer.kind == "map":
            maps = classifier.outputs(batch, FeatureRequest(maps=(layer.name,))).maps
            assert layer.name in maps, f"the map {layer.name} is on the card, and not in the outputs"
            assert maps[layer.name].shape[2:] == layer.shape, f"the card has another shape of {layer.name}"
            if isinstance(classifier, MapClassifier):
                views = classifier.views(batch, layer.name, 2, AugmentSettings())
                assert views.shape == (len(batch), 2, *layer.shape), f"views of {layer.name} are {views.shape}"
    classifier.outputs(batch, FeatureRequest(vectors=()))
    unknown = FeatureRequest(maps=("no such layer",))
    _refused(lambda: classifier.outputs(batch, unknown), "outputs takes a request for a map that it lacks", CHECKED)


def example_bars(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], Ints]:
    """Pictures (N, 32, 32) of three classes that are told apart by where a bright bar is, and their labels (N,).

    Examples
    --------
    >>> pictures, labels = example_bars(6)
    >>> pictures.shape, set(labels.tolist()) <= {0, 1, 2}
    ((6, 32, 32), True)
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    pictures = rng.integers(0, 60, (count, 32, 32)).astype(np.uint8)
    for row, label in enumerate(labels):
        pictures[row, 4 + 10 * label : 10 + 10 * label] += 150
    return pictures, labels


def example_outputs(seed: int = 0, count: int = 240) -> tuple[Outputs, Ints]:
    """Outputs of an imagined classifier that does not know the last of four classes, and the true labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, count)
    centres = generator.normal(size=(4, 12)) * 1.5
    hidden = (centres[labels] + generator.normal(size=(count, 12))).astype(np.float32)
    scores = hidden @ centres[:3].T
    probs = np.zeros((count, 4))
    probs[:, :3] = np.exp(scores - scores.max(1, keepdims=True))
    probs /= probs.sum(1, keepdims=True)
    pooled = np.maximum(hidden @ generator.normal(size=(12, 20)), 0).astype(np.float32)
    map_of = generator.normal(size=(12, 4, 4, 4))
    maps = np.tensordot(hidden, map_of, 1)[:, None].repeat(2, axis=1).astype(np.float16)  # two views, (N, 2, 4, 4, 4)
    vectors: dict[str, Floats] = {"conv/1": pooled, "hidden": hidden, "logits": scores.astype(np.float32)}
    known = np.array([True, True, True, False])
    return Outputs(np.array([f"row-{row}" for row in range(count)]), probs, known, vectors, {"map": maps}), labels


def check_corrector(make: Callable[[], Any]) -> None:
    """A corrector learns, scores each picture by itself, repeats itself, is saved whole, refuses what it cannot.

    It refuses labels that are no classes and features that are NaN by a MienError: `check_has_positives`,
    `target_class`, `mien.features.stack` and `Proposal` do so for it.
    """
    outputs, labels = example_outputs()
    try:
        make().propose(outputs)
    except NotFittedError:
        pass
    else:
        raise AssertionError("propose before fit must raise NotFittedError")
    corrector = make()
    if getattr(corrector, "needs_pictures", True):
        try:
            make().fit(outputs, np.zeros_like(labels))
        except DataError:
            pass
        else:
            raise AssertionError("fit without a picture of the class must raise DataError")
    given = _parameters(corrector)
    assert corrector.fit(outputs, labels) is corrector, "fit must return the corrector"
    assert _parameters(corrector) == given, "fit changes a parameter of the constructor"
    proposal = corrector.propose(outputs)
    assert isinstance(proposal, Proposal), "propose must return a Proposal"
    assert np.array_equal(proposal.ids, outputs.ids), "the proposal's ids must be those of the outputs"
    assert np.isin(proposal.suggested, np.arange(NO_LABEL, 4)).all(), "a suggestion is neither a class nor none (−1)"
    silent = proposal.suggested == NO_LABEL
    right = np.where(silent, outputs.predicted != labels, proposal.suggested == labels)
    assert right.any(), "no suggestion is right: without a target, the unknown class is the target"
    assert right.all() or proposal.score[right].mean() > proposal.score[~right].mean(), (
        "a higher score must mean more evidence for the suggestion"
    )
    _same(make().fit(outputs, labels).propose(outputs), proposal, "fitting twice gives other scores")
    rows = np.arange(len(outputs))[::-3]
    alone = corrector.propose(outputs.take(rows))
    assert np.allclose(alone.score, proposal.score[rows], rtol=1e-4, atol=1e-4), "a score depends on its neighbours"
    assert len(corrector.propose(outputs.take(rows[:0])).score) == 0, "outputs without a picture must be answered"
    _refuses(make, corrector, outputs, labels)
    state = corrector.state()
    assert all(isinstance(value, np.ndarray) and value.dtype != object for value in state.values()), (
        "state must be plain arrays"
    )
    restored = make().restore(state)
    _same(restored.propose(outputs), proposal, "a restored corrector gives other scores")
    request = requested_features(restored)
    vectors = {name: outputs.vector(name) for name in matching(outputs, request.vectors)}
    asked_for = replace(
        outputs, vectors=vectors, maps={name: outputs.maps[name] for name in {request.layer} & {*outputs.maps}}
    )
    _same(restored.propose(asked_for), proposal, "a corrector uses features that `required_features` does not name")
    if hasattr(corrector, "add"):
        _adds(make, outputs, labels)
    for name in state:
        _misses(make, {key: value for key, value in state.items() if key != name}, proposal, outputs)


def _refuses(make: Callable[[], Any], corrector: Any, outputs: Outputs, labels: Ints) -> None:
    """Assert that invalid labels and features end in a MienError with place and remedy."""
    learns = getattr(corrector, "needs_pictures", True)
    wrong = {
        "labels counted from 1": labels + 1,
        "labels with NaN": np.where(labels == 0, np.nan, labels),
        "labels of −1": np.where(labels == 0, NO_LABEL, labels),
        "class names as labels": labels.astype(str),
        "labels of other pictures": labels[:-1],
        "votes that are counts": 10 * np.eye(4)[labels],
    }
    for what, given in wrong.items():
        if learns:
            _refused(lambda given=given: make().fit(outputs, given), f"fit takes {what}")  # type: ignore[misc]
    vectors, maps = (
        {name: np.full_like(values, np.nan) for name, values in features.items()}
        for features in (outputs.vectors, outputs.maps)
    )
    spoilt = replace(outputs, vectors=vectors, maps=maps)
    _refused(lambda: make().fit(spoilt, labels).propose(outputs), "fit takes features that are NaN")
    _refused(lambda: corrector.propose(spoilt), "propose takes features that are NaN")
    if learns:
        _refused(lambda: make().fit(outputs.take(labels < 0), labels[:0]), "fit takes outputs without a picture")


def _refused(call: Callable[[], Any], what: str, hint: str = CORRECTORS) -> None:
    try:
        call()
    except MienError as error:
        assert error.place and error.remedy, f"{what}: the refusal must say where and what to do"
    except Exception as error:
        raise AssertionError(f"{what}, and ends in {type(error).__name__}: {error}") from None
    else:
        raise AssertionError(f"{what}; see {hint}")


def _adds(make: Callable[[], Any], outputs: Outputs, labels: Ints) -> None:
    """Adding pictures one by one, or in another order, is adding them at once."""
    rows = np.arange(len(outputs))
    first, more = rows[::2], rows[1:41:2]
    at_once, one_by_one = (make().fit(outputs.take(first), labels[first]) for _ in range(2))
    before = at_once.propose(outputs)
    at_once.add(outputs.take(more), labels[more])
    for row in more[::-1, None]:
        one_by_one.add(outputs.take(row), labels[row])
    proposal = at_once.propose(outputs)
    assert np.allclose(one_by_one.propose(outputs).score, proposal.score, rtol=1e-3, atol=1e-3), "order matters to add"
    assert not np.allclose(before.score, proposal.score), "adding pictures changes nothing"


def _misses(make: Callable[[], Any], state: dict[str, Any], proposal: Proposal, outputs: Outputs) -> None:
    """A state without one array is refused when it is restored, or the array was not needed."""
    try:
        corrector = make().restore(state)
    except Exception:  # any refusal will do
        return
    _same(corrector.propose(outputs), proposal, "a state that misses an array is taken, and gives other scores")


def _parameters(corrector: Any) -> dict[str, int]:
    """The constructor's parameters by identity, where the corrector is an estimator."""
    given = corrector.get_params(deep=False) if hasattr(corrector, "get_params") else {}
    return {name: id(value) for name, value in given.items()}


def _same(first: Proposal, other: Proposal, message: str) -> None:
    assert np.allclose(first.score, other.score, rtol=1e-5, atol=1e-6), message
    assert np.array_equal(first.suggested, other.suggested), message
