"""Correctors on whitened vectors: linear ones, random projections, kernels, and planes of clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.correctors.contract import check_fitted
from mien.deploy.onnx.log_odds import log_softmax
from mien.deploy.onnx.nodes import Nodes
from mien.features import Embedding


def vectors(nodes: Nodes, embedding: Embedding) -> str:
    """(N, M) float32 whitened vectors."""
    return nodes("MatMul", _standardised(nodes, embedding), nodes.constant(embedding.whitening.basis, np.float32))


def _standardised(nodes: Nodes, embedding: Embedding) -> str:
    whitening = embedding.whitening
    centred = nodes("Sub", nodes.stacked(embedding.layers), nodes.constant(whitening.mean, np.float32))
    return nodes("Div", centred, nodes.constant(whitening.std, np.float32))


def linear_log_probs(nodes: Nodes, corrector: Any) -> str:
    """(N, S) log-probabilities of a linear corrector; its weights and the whitening become one product."""
    weights = corrector._weights(check_fitted(corrector.learnt_, corrector.name))
    embedding = corrector.embedding_
    combined = embedding.whitening.basis.astype(np.float64) @ weights[:, :-1].T
    products = nodes("MatMul", _standardised(nodes, embedding), nodes.constant(combined, np.float32))
    logits = nodes("Add", nodes.cast(products, np.float64), nodes.constant(weights[:, -1], np.float64))
    return log_softmax(nodes, logits)


def projection_log_probs(nodes: Nodes, corrector: Any) -> str:
    """(N, S) log-probabilities of a random projection with ridge regression."""
    learnt = corrector.learnt_
    lifted = nodes("MatMul", vectors(nodes, corrector.embedding_), nodes.constant(learnt["directions"], np.float32))
    return _of_ridge(nodes, corrector, nodes.cast(nodes("Relu", lifted), np.float64), learnt["weights"])


def nystroem_log_probs(nodes: Nodes, corrector: Any) -> str:
    """(N, S) log-probabilities of a kernel machine; from the exponentials on in float64, since the roots are large."""
    learnt, whitened = corrector.learnt_, vectors(nodes, corrector.embedding_)
    landmarks = learnt["landmarks"].astype(np.float32)
    lengths = nodes("ReduceSumSquare", whitened, axes=[1], keepdims=1)
    doubled = nodes("MatMul", whitened, nodes.constant(2 * landmarks.T, np.float32))
    both = nodes("Add", lengths, nodes.constant((landmarks**2).sum(1), np.float32))
    squared = nodes("Relu", nodes("Sub", both, doubled))
    exponents = nodes("Div", nodes.cast(squared, np.float64), nodes.constant(-float(learnt["scale"]), np.float64))
    return _of_ridge(nodes, corrector, nodes("Exp", exponents), learnt["roots"] @ learnt["weights"])


def _of_ridge(nodes: Nodes, corrector: Any, lifted: str, weights: Any) -> str:
    learnt = corrector.learnt_
    temperature = float(learnt["temperature"])
    products = nodes("MatMul", lifted, nodes.constant(temperature * weights, np.float64))
    logits = nodes("Add", products, nodes.constant(temperature * learnt["intercept"], np.float64))
    return log_softmax(nodes, logits)


def fisher_score(nodes: Nodes, corrector: Any) -> str:
    """(N,) score by the plane of the nearest cluster."""
    planes, whitened = corrector.planes_, vectors(nodes, corrector.embedding_)
    centres = np.asarray(planes["centres"])
    doubled = nodes("MatMul", whitened, nodes.constant(2 * centres.T, np.float32))
    distances = nodes("Sub", nodes.constant((centres**2).sum(1), np.float32), doubled)
    nearest = nodes("ArgMin", distances, axis=1, keepdims=0)
    chosen = nodes("Gather", nodes.constant(planes["planes"], np.float32), nearest, axis=0)
    products = nodes("ReduceSum", nodes("Mul", whitened, chosen), nodes.constant([1], np.int64), keepdims=0)
    offsets = nodes("Gather", nodes.constant(planes["offsets"], np.float64), nearest, axis=0)
    return nodes("Sub", nodes.cast(products, np.float64), offsets)
