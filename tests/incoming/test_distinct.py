"""Which names are new, as a set of them says."""

from hypothesis import given
from hypothesis import strategies as st

from mien.incoming.distinct import START, Distinct


@given(st.lists(st.text(max_size=3)))
def test_it_is_a_set_of_names(names: list[str]) -> None:
    distinct, known = Distinct(), set[str]()
    for name in names:
        assert distinct.add(name) == (name not in known)
        known.add(name)
    assert len(distinct) == len(known)


def test_it_grows_and_forgets_none() -> None:
    distinct, names = Distinct(), [f"photos/{number}.png" for number in range(5 * START)]
    assert all(map(distinct.add, names)) and not any(map(distinct.add, names)) and len(distinct) == len(names)


def test_names_of_files_that_are_no_text() -> None:
    distinct = Distinct()
    assert distinct.add("a\udcff.png") and not distinct.add("a\udcff.png")
