"""What a patch promises, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien.certify.aims import AIM_WORDS
from mien.certify.thresholds import EXPECTED, Guarantee
from mien.deploy.patch_io import PICTURES

if TYPE_CHECKING:
    from mien.deploy.patch import Patch
    from mien.deploy.patch_record import PatchRecord


def promised(patch: Patch | PatchRecord) -> str:
    """What is certified, or why nothing is."""
    certified, policy = patch.certified, patch.policy
    pooled = certified.guarantees[0]
    share, counted = f"{100 * pooled.budget:g} %", f"{pooled.n} {units(patch)}"
    if patch.silent and not pooled.feasible:
        return f"silent: {counted} with right answers cannot certify {share}; {pooled.needed} can"
    if patch.silent and policy.scope != "pooled" and not all(given.feasible for given in certified.guarantees):
        return "silent: no threshold is safe for every class"
    if patch.silent:
        return f"silent: no override that keeps {share} improves {AIM_WORDS[policy.aim]} on calibrate"
    if policy.rule != "certified" and not pooled.holds:
        return f"no certificate: the threshold was chosen by --rule {policy.rule}"
    if not pooled.holds:
        return f"not certified over all classes together at {share}: the thresholds in force are too low for that"
    grouped, surety = patch.calibration.grouped, f"{100 * pooled.confidence:g} % confidence"
    people = "persons" if patch.unit == PICTURES else "groups"
    lost = f"{people} (copies count as one) lose a right answer" if grouped else "right answers are lost"
    sure = "in the mean over calibrations" if pooled.kind == EXPECTED else f"with {surety}"
    if patch.approximate:
        sure = f"about (scores are cross-fitted) {sure.removeprefix('with ')}"
    return f"certified {sure}: at most {share} of {lost} ({counted} to calibrate on)"


def both_kinds(patch: Patch) -> list[str]:
    """A sentence for each kind of guarantee: what it takes, what it allows, and whether it holds."""
    in_force = patch.certified.guarantees[0]
    return [_kind(given, units(patch), given is in_force) for given in (in_force, patch.certified.others[0])]


def _kind(given: Guarantee, counted: str, in_force: bool) -> str:
    share = f"{100 * given.budget:g} %"
    meaning = (
        f"in the mean over calibrations at most {share} harm"
        if given.kind == EXPECTED
        else f"at most {share} harm with {100 * given.confidence:g} % confidence"
    )
    if not given.feasible:
        return f"{given.kind}: {meaning}; {given.n} {counted} are too few, it takes {given.needed}"
    state = "in force" if in_force else "kept as well" if given.holds else "not kept: it needs a higher threshold"
    allowed = f"{given.k} of {given.n} {counted} are allowed to be harmed"
    return f"{given.kind}: {meaning}; {allowed} (it takes {given.needed}); {state}"


def units(patch: Patch | PatchRecord) -> str:
    """What the certificate counts."""
    people = "persons" if patch.unit == PICTURES else "groups"
    return f"{people} or sets of copies" if patch.calibration.grouped else patch.unit
