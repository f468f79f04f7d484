"""What the pages of different kinds share: confusion matrices, the frame, digits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import RunError
from mien.report.common.confusion import confusion_table, short_names
from mien.report.common.frame import RunPage, facts_of, name_of
from mien.storage.run import Run


def counts(seed: int, *table: tuple[str, str, int]) -> list[dict[str, object]]:
    return [{"seed": seed, "truth": truth, "answer": answer, "count": count} for truth, answer, count in table]


def test_a_confusion_matrix_has_means_over_the_seeds_and_counts_under_the_pointer() -> None:
    rows = counts(0, ("fear", "fear", 3), ("fear", "anger", 1), ("anger", "fear", 0), ("anger", "anger", 0))
    rows += counts(1, ("fear", "fear", 1), ("fear", "anger", 3), ("anger", "fear", 0), ("anger", "anger", 0))
    table = confusion_table("both", rows, {"fear": "fear", "anger": "anger"})
    (_, right, wrong), (_, undefined, _) = table.rows
    assert (right.text, wrong.text, right.tone, wrong.tone) == ("50", "50", "own", "")
    assert "3/4" in right.title and "1/4" in right.title
    assert undefined.text == "–"


def test_another_entry_can_be_marked() -> None:
    rows = counts(0, ("fear", "fear", 1), ("fear", "abstained", 1))
    table = confusion_table("h", rows, {"fear": "fear", "abstained": "abstained"}, is_right=lambda *entry: False)
    assert [cell.tone for cell in table.rows[0][1:]] == ["", ""] and [cell.title for cell in table.head[1:]] == [
        "fear",
        "abstained",
    ]


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["surprise", "fear", "contempt"], ["sur", "fea", "con"]),
        (["level 1", "level 12", "level 2"], ["l…1", "l…12", "l…2"]),
        (["numeral-0", "numeral-0-inverted"], ["n…0", "n…0-i"]),
        (["angry", "angry_low", "angry_high"], ["angry", "a…l", "a…h"]),
        (["nub-0", "num-0", "nub-1", "num-1"], ["nub…0", "num…0", "nub…1", "num…1"]),
        (["0", "1", "10"], ["0", "1", "10"]),
        (["class 10", "class 2"], ["c…10", "c…2"]),
        (["level-1 faces", "level-10 faces"], ["l…1", "l…10"]),
    ],
)
def test_short_names_tell_classes_apart(names: list[str], short: list[str]) -> None:
    assert list(short_names(names).values()) == short


@given(st.lists(st.text("ab1- ", min_size=1, max_size=9), unique=True, max_size=14))
def test_no_two_short_names_are_equal(names: list[str]) -> None:
    shortened = short_names(names)
    assert list(shortened) == names and len(set(shortened.values())) == len(names)


def test_a_page_is_of_one_kind_of_run(tmp_path: Path) -> None:
    run, kind = Run(tmp_path), RunPage("study", "mien study", "study")
    run.write_manifest({"kind": "compare", "seeds": [0]})
    with pytest.raises(RunError, match="not a study"):
        kind.render(run, "title", [], [], [])
    run.write_manifest({"kind": "study", "seeds": [0]})
    page = kind.render(run, "A <title>", ["seed0/full", "seed0/retrained"], ["seed0/full"], [])
    assert "A &lt;title&gt;" in page and "1 of 2 cells are missing: seed0/retrained" in page.replace("\n", " ")


def test_facts_are_counted_in_words() -> None:
    manifest = {"data": {"usable": 12345}, "seeds": [0], "correctors": ["a", "b"], "started": "2026-01-02 03:04:05"}
    assert facts_of(manifest) == ["12\u202f345 pictures", "2 correctors", "1 seed", "2026-01-02"]
    assert name_of({"data": {"name": "a/b/"}}, "data") == "b" and name_of({}, "base") == "?"
