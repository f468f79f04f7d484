"""What is in force: one step, one log, one truth for all workers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from serving import Bars

from mien.deploy.watch_io import Restraint
from mien.errors import RunError, UsageError
from mien.service.in_force import InForce
from mien.service.patches import PatchFolder
from mien.service.store import LogEntry, Store


def in_force(patches: Path, store: Store, who: str = "") -> InForce:
    return InForce(PatchFolder(patches, Bars()), store, who)


def names(force: InForce) -> list[tuple[str, str]]:
    return [(entry.action, entry.name) for entry in force.store.patch_log()]


def test_swaps_and_rolls_back_stand_in_the_log_with_their_certificates(patches: Path, store: Store) -> None:
    force = in_force(patches, store, "server")
    assert force.start().reference == "none"
    force.swap("first", reason="better", who="Ann")
    force.swap("second")
    assert force.now.name == "second"
    assert force.roll_back().name == "first" and force.roll_back().reference == "none"
    with pytest.raises(UsageError, match="nothing was in force before"):
        force.roll_back()
    assert names(force) == [
        ("start", ""), ("swap", "first"), ("swap", "second"), ("roll back", "first"), ("roll back", ""),
    ]  # fmt: skip
    _, first, second, *_ = force.store.patch_log()
    assert (first.who, first.reason, second.who, second.previous) == ("Ann", "better", "server", first.patch)
    assert first.certificate is not None and first.certificate["holds"] and first.certificate["budget"] == 0.1


def test_after_a_restart_the_last_patch_is_in_force_unless_another_is_named(patches: Path, store: Store) -> None:
    in_force(patches, store).start("first")
    again = in_force(patches, store)
    assert again.start().name == "first" and len(names(again)) == 1
    assert in_force(patches, store).start("second").name == "second"
    assert names(again) == [("start", "first"), ("start", "second")]


def test_a_server_starts_though_its_last_patch_was_deleted_or_renamed(
    patches: Path, store: Store, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        shutil.copytree(patches / f"{name}.patch", tmp_path / f"{name}.patch")
    first = in_force(tmp_path, store).start("first")
    (tmp_path / "first.patch").rename(tmp_path / "renamed.patch")
    assert in_force(tmp_path, store).start().id == first.id
    shutil.rmtree(tmp_path / "renamed.patch")
    with pytest.raises(UsageError, match=r"first@\w+, which was in force last, is not among the patches"):
        in_force(tmp_path, store).start()
    assert in_force(tmp_path, store).start("second").name == "second"
    assert store.patch_log()[-1].previous == first.id
    assert in_force(tmp_path, store).start("none").reference == "none"


def test_a_patch_that_cannot_be_loaded_leaves_the_earlier_one_in_force(
    patches: Path, store: Store, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        shutil.copytree(patches / f"{name}.patch", tmp_path / f"{name}.patch")
    (tmp_path / "second.patch" / "corrector-0.npz").write_bytes(b"nothing")
    force = in_force(tmp_path, store)
    before = force.start("first")
    with pytest.raises(RunError):
        force.swap("second")
    with pytest.raises(UsageError):
        force.swap("third")
    assert force.now is before and names(force) == [("start", "first")]


def test_another_worker_follows(patches: Path, store: Store) -> None:
    here, there = in_force(patches, store), in_force(patches, store)
    here.start("first")
    there.start()
    assert there.now.name == "first" and not there.follow()
    here.swap("second")
    assert there.follow() and there.now.name == "second" and not there.follow()
    here.restrain("flag", "too much is spoilt")
    assert there.follow() and there.now.restraint == Restraint("flag", "too much is spoilt")
    assert there.now.predictor.patch is not None and there.now.predictor.patch.restraint == there.now.restraint
    there.lift(who="Ann")
    assert here.follow() and here.now.restraint is None and here.now.name == "second"


def test_two_workers_that_swap_at_once_end_with_the_same_patch(patches: Path, store: Store) -> None:
    here, there = in_force(patches, store), in_force(patches, store)
    here.start("first")
    there.start()
    here.swap("second")
    there.swap("none")  # it has not followed yet
    here.follow()
    assert here.now.reference == there.now.reference == "none"
    assert [entry.previous != "" for entry in store.patch_log()] == [False, True, True]


def test_a_patch_that_is_gone_does_not_keep_another_from_being_put_in_force(
    patches: Path, store: Store, tmp_path: Path
) -> None:
    in_force(patches, store).start("first")
    shutil.copytree(patches / "second.patch", tmp_path / "second.patch")  # the folder of another start
    with pytest.raises(UsageError, match="first"):
        in_force(tmp_path, store).start()
    force = in_force(tmp_path, store)
    assert force.start("second").name == "second" and names(force) == [("start", "first"), ("start", "second")]


@pytest.mark.parametrize("act", ["restrain", "lift", "roll back"])
def test_a_worker_that_is_overtaken_follows_first(patches: Path, store: Store, act: str) -> None:
    here, there = in_force(patches, store), in_force(patches, store)
    here.start("first")
    here.swap("second")
    first = store.patch_log()[0].patch
    if act == "lift":
        here.restrain("silence", "harm")
    there.start()
    append, is_overtaken = store.log, []

    def overtaken(entry: LogEntry, *, after: int | None = None) -> int:
        if not is_overtaken:
            is_overtaken.append(True)
            here.swap("first")
        return append(entry, after=after)

    store.log = overtaken  # type: ignore[method-assign]
    if act == "restrain":
        there.restrain("silence", "harm by the second", there.now.id)
    elif act == "roll back":
        there.roll_back()
    else:
        with pytest.raises(UsageError, match="no alarm"):
            there.lift()
    here.follow()
    assert here.now.id == there.now.id == in_force(patches, store).start().id
    assert (here.now.id == first) == (act != "roll back")
    assert here.now.restraint is None and there.now.restraint is None


def test_what_the_folder_of_a_patch_restrains_is_not_lifted_by_the_server(patches: Path, store: Store) -> None:
    force = in_force(patches, store)
    loaded = force.patches.load("first").patch
    assert loaded is not None
    force.patches.add(replace(loaded, restraint=Restraint("silence", "mien watch raised an alarm")))
    assert force.start("first").restraint is not None
    with pytest.raises(UsageError, match="own folder"):
        force.lift()
    assert names(force) == [("start", "first")]


def test_a_restraint_ends_with_the_next_swap(patches: Path, store: Store) -> None:
    force = in_force(patches, store)
    force.start("first")
    force.restrain("silence", "too much is spoilt")
    force.restrain("silence", "again")
    assert force.now.restraint is not None and names(force)[1:] == [("restrain", "first")]
    assert in_force(patches, store).start().restraint == force.now.restraint
    force.swap("second")
    assert force.now.restraint is None
    with pytest.raises(UsageError, match="no alarm"):
        force.lift()


def test_a_swap_that_may_replace_one_patch_alone_leaves_another_in_force(patches: Path, store: Store) -> None:
    here, there = in_force(patches, store), in_force(patches, store)
    before = here.start("first").id
    there.start()
    there.swap("none")
    with pytest.raises(RunError, match="meanwhile"):
        here.swap("second", replacing=before)
    here.follow()
    assert here.now.reference == "none"
    assert here.swap("second", replacing="").name == "second"
