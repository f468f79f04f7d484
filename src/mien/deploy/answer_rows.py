"""A table of answers as calibration data: its rows divided, and without those that the classifier was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.certify.policy import Policy
from mien.classifiers.table import TableClassifier, of_answers
from mien.data.answer_layout import GROUP, ID, LABEL, PART
from mien.data.answers import Answers, read_answers, read_names
from mien.data.columns import shown
from mien.data.provenance import STATED, UNKNOWN, TrainedOn
from mien.data.split import group_ids
from mien.deploy.calibration_data import APART, USED, CalibrationData
from mien.deploy.correction import Correction, correct_on
from mien.deploy.labelled_rows import calibration_rows, divided, rows_of, without_learnt
from mien.deploy.settings import CorrectSettings
from mien.deploy.target_classes import is_word
from mien.deploy.trained_on import FLAG
from mien.errors import DataError, UsageError, choice_error
from mien.metrics.ranking import auroc
from mien.types import NO_LABEL, PARTS, Bools, Dataset, Ints, LabelSet, Split, Texts, spelling, texts

TABLE_CORRECTOR = "blend"
"""The corrector of tables, by default. docs/rare-events.md has the figures behind it."""
LEARNT = ("train", "validation")
"""Parts whose rows count as trained on."""


def correct_table(
    path: Path,
    settings: CorrectSettings,
    policy: Policy,
    *,
    name: str = "",
    command: str = "",
    say: Callable[[str], object] = lambda stage: None,
) -> Correction:
    """Fit and certify a patch for the classifier that gave the answers in a table, and measure it on the test rows.

    Parameters
    ----------
    path : of the table, see `mien.data.answers`. settings : the target classes, and how they are corrected.
    name : of the classifier and its version. command : how to make the patch again. say : called with each stage.

    Raises
    ------
    UsageError, DataError : see `answer_rows` and `mien.data.answers.read_answers`.
    """
    say("reading the table")
    answers = read_answers(path)
    classifier = of_answers(answers, name)
    material = answer_rows(classifier, answers, settings, policy)
    about = {"command": command, "data": {"source": str(path.resolve())}}
    return correct_on(classifier, material, settings, policy, about=about, say=say)


def answer_rows(
    classifier: TableClassifier, answers: Answers, settings: CorrectSettings, policy: Policy
) -> CalibrationData:
    """The labelled rows of a table, for the target classes.

    Rows belong together if they have the same group. Without groups, rows with equal features and answers count as
    copies of one; without features, each row stands alone.

    Parameters
    ----------
    classifier : that gave the answers. settings : the target classes, and the rows that were trained on.

    Raises
    ------
    UsageError : no such class; or it is not known what the classifier was trained on. DataError : no labels, too few
        rows of a class, or parts that divide a group.
    """
    place = str(answers.path)
    written = answers.required_labels()
    data = _as_dataset(classifier, answers)
    labelset = _classes(classifier.classes, settings.classes, written)
    labels = _labels(answers, written, labelset)
    sets, kind = _learnt(answers, data, settings.trained_on)
    data = data.replace(labels=labels, labelset=labelset, raw_labels=written)
    labelled = labels != NO_LABEL
    is_learnt = _in_parts(answers, LEARNT)
    data, provenance = without_learnt(data.take(labelled & ~is_learnt), sets, kind)
    provenance = replace(provenance, pictures=provenance.pictures + int((labelled & is_learnt).sum()))
    fixed = _in_parts(answers, USED).any()
    parts = _fixed_parts(answers, data) if fixed else divided(data, 0, APART)
    empty = [part for part in USED if not len(parts.rows(part))]
    if empty:
        cause = f"{len(data)} of {len(answers)} rows can correct the classifier, and none of them is in {empty[0]}"
        raise DataError(cause, place=place, remedy="give more rows with labels that it was not trained on")
    names = dict.fromkeys(settings.classes)
    word = is_word(list(names), labelset.names)
    targets = list(names) if word else [labelset.names[labelset.resolve(name)] for name in names]
    share = 0.0 if fixed else settings.share_to_fit(policy)
    material = calibration_rows(classifier, data, parts, targets, provenance, share)
    unlabelled = [f"{int((~labelled).sum()):,} rows have no label, and are left out"] if not labelled.all() else []
    strangers = [
        f"{each.place} names no row of the table: all its rows count as new to the classifier"
        for each in sets
        if not len(each.pictures)
    ]
    notes = (*answers.notes, *material.notes, *unlabelled, *strangers, *_leaks(classifier, material))
    material = replace(material, notes=notes)
    if not fixed:
        return material
    if settings.fit_share:
        remedy = f"leave it out, or clear the column {PART} of the table"
        raise UsageError(f"the column {PART} says which rows fit", place="--fit-share", remedy=remedy)
    return material


def _as_dataset(classifier: TableClassifier, answers: Answers) -> Dataset:
    """All rows without labels, with the keys by which copies are known."""
    data = replace(rows_of(classifier.card, answers.outputs.ids, answers.groups), name=str(answers.path))
    vectors = answers.outputs.vectors
    if answers.groups is not None or not vectors:
        return data
    values = np.hstack([answers.outputs.probs, *(vectors[name] for name in sorted(vectors))])
    return data.replace(hashes=texts([hashlib.sha256(row.tobytes()).hexdigest() for row in values]))


def _classes(known: Sequence[str], targets: Sequence[str], written: Texts) -> LabelSet:
    """The classifier's classes, and behind them those that are new to it: named by the user, and among the labels."""
    labelset = LabelSet(tuple(known), {spelling(name): name for name in known})
    labels = {spelling(label): label for label in np.unique(written).tolist() if label}
    new: dict[str, str] = {}
    if is_word(targets, [*known, *labels.values()]):
        targets = [label for key, label in labels.items() if labelset.resolve(label) == NO_LABEL]
    for name in targets:
        if labelset.resolve(name) == NO_LABEL:
            if spelling(name) not in labels:
                raise choice_error("class", name, dict.fromkeys([*known, *labels.values()]), place="--class")
            new[spelling(name)] = labels[spelling(name)]
    return LabelSet((*known, *new.values()), {**labelset.aliases, **new})


def _labels(answers: Answers, written: Texts, labelset: LabelSet) -> Ints:
    """(N,) class indices, −1 where a row has no label; DataError for a label that is no class."""
    names, place = np.unique(written, return_inverse=True)
    indices = np.array([labelset.resolve(name) if name else NO_LABEL for name in names.tolist()], np.int64)
    for name, index in zip(names.tolist(), indices.tolist(), strict=True):
        if name and index == NO_LABEL:
            row = int(np.argmax(written == name)) + 1
            near = labelset.nearest(name)
            hint = f"did you mean {near!r}? " if near else ""
            raise DataError(
                f"{shown([name])!r} is no class of the classifier ({shown(labelset.names)})",
                place=f"{answers.path}, row {row}, column {LABEL}",
                remedy=f"{hint}name it with --class if it is new to the classifier, or clear the label",
            )
    return indices[place]


def _learnt(answers: Answers, data: Dataset, given: Sequence[str]) -> tuple[tuple[TrainedOn, ...], str]:
    """The rows that count as trained on, and how that is known.

    They stand in the table with the part train or validation, or are named by id or group in a table of their own.
    """
    sets = [_named(answers, data, source) for source in dict.fromkeys(given) if source != UNKNOWN]
    marked = _in_parts(answers, LEARNT)
    if marked.any():
        rows = np.flatnonzero(marked)
        sets.append(TrainedOn.from_dataset(data, rows, str(answers.path), stated=True))
    if not sets and UNKNOWN not in given:
        remedy = (
            f"name the rows that it was trained on with {FLAG} FILE, a table with a column {ID} or {GROUP}; or mark "
            f"them with train in a column {PART}; or give {FLAG} unknown: the certificate then holds only if it was "
            "trained on none of the calibration rows"
        )
        cause = "it is not known what the classifier was trained on: a table of answers has no record of it"
        raise UsageError(cause, place=str(answers.path), remedy=remedy)
    return tuple(sets), UNKNOWN if UNKNOWN in given else STATED


def _named(answers: Answers, data: Dataset, source: str) -> TrainedOn:
    """The rows of a table that another table names by id, and the groups that it names."""
    names, rows = read_names(Path(source)), np.zeros(len(data), bool)
    for key, column in ((ID, None if answers.numbered else data.ids), (GROUP, data.groups)):
        if key not in names:
            continue
        if column is None:
            cause = f"has no column {key}, by which {FLAG} {source} names rows"
            raise DataError(cause, place=str(answers.path), remedy=f"add a column {key} to it, or remove it there")
        rows |= np.isin(column, names[key]) & (column != "")
    return TrainedOn.from_dataset(data, np.flatnonzero(rows), str(Path(source).resolve()), stated=True)


def _in_parts(answers: Answers, parts: Sequence[str]) -> Bools:
    """(N,) whether the table puts a row into one of these parts."""
    return np.zeros(len(answers), bool) if answers.parts is None else np.isin(answers.parts, parts)


def _fixed_parts(answers: Answers, data: Dataset) -> Split:
    """The parts that the table gives; DataError where a row has none, or a group is divided."""
    place = {name: row for row, name in enumerate(answers.outputs.ids.tolist())}
    rows = np.array([place[name] for name in data.ids.tolist()], np.int64)
    given = np.asarray(answers.parts)[rows]
    column = f"column {PART}"
    if (given == "").any():
        row = int(rows[np.argmax(given == "")]) + 1
        remedy = f"give each row with a label one of {', '.join(USED)}; or none of them, and mien divides them"
        raise DataError("has no part, and others have one", place=f"{answers.path}, row {row}, {column}", remedy=remedy)
    parts = np.array([PARTS.index(name) for name in given.tolist()], np.int64)
    units = group_ids(data)
    first = np.full(units.max() + 1, -1) if len(units) else np.zeros(0, int)
    first[units[::-1]] = parts[::-1]
    odd = first[units] != parts
    if odd.any():
        row = int(rows[np.argmax(odd)]) + 1
        what = "is a copy of a row" if answers.groups is None else "has a group with rows"
        cause = f"{what} in another part ({PARTS[first[units][np.argmax(odd)]]}, here {given[np.argmax(odd)]})"
        remedy = "keep the rows of a group, and copies, in one part"
        raise DataError(cause, place=f"{answers.path}, row {row}, {column}", remedy=remedy)
    return Split(data.ids, parts, 0)


def _leaks(classifier: TableClassifier, material: CalibrationData) -> list[str]:
    """Features that part a target class from all others without an error, as a copy of the label does."""
    rows = material.parts.rows("fit")
    ids, labels = material.pictures.ids[rows], material.pictures.labels[rows]
    order = {name: row for row, name in enumerate(classifier.table.ids.tolist())}
    notes = []
    for name, titles in classifier.columns.vectors:
        values = classifier.table.vectors[name][[order[key] for key in ids.tolist()]]
        for target in material.targets:
            for column, title in enumerate(titles):
                area = auroc(values[:, column], labels == target)
                if area in (0.0, 1.0):
                    notes.append(
                        f"the column {shown([title])} alone tells {material.pictures.labelset.names[target]} from the "
                        "rest without an error: if it was made from the label, remove it"
                    )
    return notes
