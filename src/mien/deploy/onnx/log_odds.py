"""From log-probabilities of codes to scores and suggestions, as `mien.correctors.log_odds` computes them."""

from __future__ import annotations

import numpy as np

from mien.correctors.log_odds import LEAST, NEVER, OWN_SHARE, Encoding
from mien.deploy.onnx.nodes import PROBABILITIES, Nodes
from mien.types import Floats


def log_softmax(nodes: Nodes, logits: str) -> str:
    """(N, S) float64 log-probabilities of logits."""
    return nodes("LogSoftmax", nodes.cast(logits, np.float64), axis=1)


def log_odds(nodes: Nodes, log_probs: str, encoding: Encoding, target: int) -> str:
    """(N,) float64 score of the target class, from (N, S) float64 log-probabilities."""
    log_probs = all_codes(nodes, log_probs, encoding)
    if encoding.kind == "rest":
        return nodes("Sub", column(nodes, log_probs, 1), column(nodes, log_probs, 0))
    if encoding.kind == "three":
        new, right, wrong = (column(nodes, log_probs, code) for code in (2, 1, 0))
    else:
        new = column(nodes, log_probs, target)
        answers, goal = one_hot(nodes, nodes.base), nodes.constant(np.arange(nodes.classes) == target, bool)
        never = nodes.constant(NEVER, np.float64)
        rest = nodes("Where", nodes("Or", answers, goal), never, log_probs)
        wrong = sum_of_exponentials(nodes, rest)
        changes_nothing = nodes("Equal", nodes.base, nodes.constant(target, np.int64))
        right = nodes("Where", changes_nothing, wrong, of_answer(nodes, log_probs))
    if encoding.error_weight > 0:
        if encoding.error_weight != 1:
            wrong = nodes("Add", wrong, nodes.constant(np.log(encoding.error_weight), np.float64))
        axis = nodes.constant([1], np.int64)
        pair = nodes("Concat", nodes("Unsqueeze", right, axis), nodes("Unsqueeze", wrong, axis), axis=1)
        right = sum_of_exponentials(nodes, pair)
    return nodes("Sub", new, right)


def all_codes(nodes: Nodes, log_probs: str, encoding: Encoding) -> str:
    """(N, C) log-probabilities of all codes; those that did not occur in fitting are nearly impossible."""
    count = {"rest": 2, "three": 3}.get(encoding.kind, nodes.classes)
    codes = np.arange(count) if encoding.codes is None else np.asarray(encoding.codes)
    if len(codes) == count:
        return log_probs
    wide = np.zeros((len(codes), count))
    wide[np.arange(len(codes)), codes] = 1
    absent = np.where(wide.any(0), 0.0, NEVER)
    return nodes("Add", nodes("MatMul", log_probs, nodes.constant(wide)), nodes.constant(absent))


def column(nodes: Nodes, values: str, number: int) -> str:
    """(N,) one column of (N, C) values."""
    return nodes("Gather", values, nodes.constant(number, np.int64), axis=1)


def one_hot(nodes: Nodes, answers: str) -> str:
    """(N, K) whether a class is the answer."""
    axis, classes = nodes.constant([1], np.int64), nodes.constant(np.arange(nodes.classes), np.int64)
    return nodes("Equal", nodes("Unsqueeze", answers, axis), classes)


def of_answer(nodes: Nodes, values: str) -> str:
    """(N,) values (N, K) of the classifier's answers."""
    axis = nodes.constant([1], np.int64)
    return nodes("Squeeze", nodes("GatherElements", values, nodes("Unsqueeze", nodes.base, axis), axis=1), axis)


def sum_of_exponentials(nodes: Nodes, values: str) -> str:
    """(N,) log Σ exp of (N, C) float64 values."""
    return nodes("ReduceLogSumExp", values, axes=[1], keepdims=0)


def class_odds(nodes: Nodes, log_probs: str) -> str:
    """(N, K) float64 log-odds of each class against f's answer, from (N, K) log-probabilities of all classes."""
    axis, known = nodes.constant([1], np.int64), nodes.template.known
    never = nodes.constant(NEVER, np.float64)
    of_f_answer = nodes("Unsqueeze", of_answer(nodes, log_probs), axis)
    odds = nodes("Sub", log_probs, of_f_answer)
    chances = nodes.cast(PROBABILITIES, np.float64)
    if len(known) > nodes.answered:
        chances = nodes("Pad", chances, nodes.constant([0, 0, 0, len(known) - nodes.answered], np.int64))
    of_f = nodes("Log", nodes("Max", chances, nodes.constant(LEAST, np.float64)))
    of_f = nodes("Sub", of_f, nodes("Unsqueeze", of_answer(nodes, of_f), axis))
    parts = ((odds, 1 - OWN_SHARE), (of_f, OWN_SHARE))
    both = nodes("Add", *(nodes("Mul", part, nodes.constant(weight, np.float64)) for part, weight in parts))
    chosen = nodes("Where", nodes.constant(known, bool), both, odds)
    return nodes("Where", nodes("LessOrEqual", of_f_answer, never), never, chosen)


def most_probable(nodes: Nodes, odds: str, classes: tuple[int, ...], weights: Floats | None = None) -> tuple[str, str]:
    """(N,) float64 score and (N,) int64 suggestion: the most probable of some classes, f's answer apart.

    Parameters
    ----------
    weights : (K,) what a right answer of each class is worth; None for all alike.
    """
    if weights is not None:
        odds = nodes("Add", odds, nodes.constant(np.log(weights), np.float64))
    barred = nodes.constant(~np.isin(np.arange(nodes.classes), classes), bool)
    never = nodes.constant(-np.inf, np.float64)
    others = nodes("Where", nodes("Or", barred, one_hot(nodes, nodes.base)), never, odds)
    suggested = nodes("ArgMax", others, axis=1, keepdims=0)
    score = nodes("ReduceMax", others, axes=[1], keepdims=0)
    alone = nodes("IsInf", score)  # f's answer is the only class
    suggested = nodes("Where", alone, nodes.base, suggested)
    return nodes("Where", alone, nodes.constant(NEVER, np.float64), score), suggested
