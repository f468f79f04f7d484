"""Expressions of synthetic faces: mixtures of emotions, action units (FACS), and votes of simulated annotators."""

from __future__ import annotations

import numpy as np

from mien.types import Floats, Ints

UNITS = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU15": "lip corner depressor",
    "AU16": "lower lip depressor",
    "AU17": "chin raiser",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "R12": "lip corner puller, right side only",
    "R14": "dimpler, right side only",
}

# The action units of the face (Ekman & Friesen, FACS) that each emotion moves.
PROTOTYPES = {
    "surprise": ("AU1", "AU2", "AU5", "AU26"),
    "fear": ("AU1", "AU2", "AU4", "AU5", "AU7", "AU20", "AU26"),
    "disgust": ("AU9", "AU15", "AU16"),
    "happiness": ("AU6", "AU12"),
    "sadness": ("AU1", "AU4", "AU15"),
    "anger": ("AU4", "AU5", "AU7", "AU23"),
    "neutral": (),
    "contempt": ("R12", "R14"),
}

# Units that often accompany the prototype → probability.
COMPANIONS = {
    "surprise": {"AU25": 0.6},
    "fear": {"AU25": 0.5},
    "disgust": {"AU10": 0.7, "AU4": 0.35, "AU7": 0.3, "AU17": 0.3},
    "happiness": {"AU25": 0.55, "AU26": 0.2, "AU7": 0.15},
    "sadness": {"AU17": 0.5, "AU7": 0.2},
    "anger": {"AU24": 0.4, "AU17": 0.3, "AU10": 0.2, "AU25": 0.15},
    "neutral": {},
    "contempt": {"AU24": 0.3, "AU7": 0.2, "AU2": 0.15},
}

# Emotion → emotions that an annotator mistakes it for, with relative weights.
LOOKALIKES = {
    "surprise": {"fear": 4, "happiness": 2, "neutral": 2},
    "fear": {"surprise": 6, "sadness": 2, "anger": 1},
    "disgust": {"anger": 4, "sadness": 2, "contempt": 2, "neutral": 2},
    "happiness": {"neutral": 5, "surprise": 2, "contempt": 1},
    "sadness": {"neutral": 6, "disgust": 2, "fear": 1, "anger": 1},
    "anger": {"disgust": 4, "neutral": 3, "sadness": 2, "contempt": 1},
    "neutral": {"sadness": 4, "contempt": 2, "anger": 2, "happiness": 2},
    "contempt": {"neutral": 5, "happiness": 3, "disgust": 2},
}

_DROPPED = 0.06  # probability that a unit of a prototype is missing
_TIC = 0.05  # probability that a unit moves without an emotion, with an intensity up to _TIC_AT_MOST
_TIC_AT_MOST = 0.3


def lookalikes(names: tuple[str, ...]) -> Floats:
    """(K, K) probability that a class (row) is mistaken for another (column); 1 on the diagonal if there is none."""
    table: Floats = np.array([[float(LOOKALIKES[name].get(other, 0)) for other in names] for name in names])
    table += np.diag(table.sum(axis=1) == 0)
    table /= table.sum(axis=1, keepdims=True)
    return table


def mixtures(truth: Ints, names: tuple[str, ...], blending: float, rng: np.random.Generator) -> Floats:
    """Draw (N, K) shares of the emotions in each face; some faces blend a second emotion, 10 to 45 % of the whole.

    The second emotion is one that the first is often mistaken for, or (one time in four) any other.

    Parameters
    ----------
    truth : (N,) dominant class of each face.
    names : the K classes.
    blending : share of faces with a second emotion.
    """
    n, k = len(truth), len(names)
    others = 1.0 - np.eye(k)
    partner_odds = 0.75 * lookalikes(names) + 0.25 * others / max(k - 1, 1)
    partner = categorical(partner_odds[truth], rng)
    share = rng.uniform(0.10, 0.45, n) * (rng.random(n) < blending)
    mixture = np.zeros((n, k))
    rows = np.arange(n)
    mixture[rows, truth] = 1.0 - share
    mixture[rows, partner] += share
    return mixture


def categorical(odds: Floats, rng: np.random.Generator) -> Ints:
    """Draw one class from each row of the probabilities `odds` (N, K)."""
    edges = np.cumsum(odds, axis=1)
    edges[:, -1] = 1.0  # rounding must not leave a gap at the top
    drawn: Ints = np.sum(rng.random((len(odds), 1)) >= edges, axis=1)
    return drawn


def actions(
    mixture: Floats, names: tuple[str, ...], weakest: float, habits: Floats, rng: np.random.Generator
) -> Floats:
    """Draw (N, A) intensities of the action units, 0 to 1, in the order of `UNITS`.

    Parameters
    ----------
    mixture : (N, K) shares of the emotions.
    names : the K classes.
    weakest : strength of the faintest expression; strengths are uniform between it and 1.
    habits : (N, A) personal factor of each unit, around 1.
    """
    n, k, a = len(mixture), len(names), len(UNITS)
    codes = list(UNITS)
    core, company = np.zeros((k, a)), np.zeros((k, a))
    for row, name in enumerate(names):
        core[row, [codes.index(code) for code in PROTOTYPES[name]]] = 1.0
        for code, odds in COMPANIONS[name].items():
            company[row, codes.index(code)] = odds
    pattern = core * (rng.random((n, k, a)) >= _DROPPED) * rng.uniform(0.7, 1.0, (n, k, a))
    pattern += (rng.random((n, k, a)) < company) * rng.uniform(0.3, 0.9, (n, k, a))
    moved: Floats = np.einsum("nk,nka->na", mixture, pattern) * rng.uniform(weakest, 1.0, (n, 1)) * habits
    tics = (rng.random((n, a)) < _TIC) * rng.uniform(0.0, _TIC_AT_MOST, (n, a))
    np.maximum(moved, tics, out=moved)
    return np.minimum(moved, 1.0, out=moved)


def votes(mixture: Floats, names: tuple[str, ...], noise: float, annotators: int, rng: np.random.Generator) -> Ints:
    """Draw (N, annotators) votes, class indices, from the mixture (N, K) of which a share `noise` is mistaken."""
    perceived = (1.0 - noise) * mixture + noise * (mixture @ lookalikes(names))
    return np.stack([categorical(perceived, rng) for _ in range(annotators)], axis=1)
