"""Check settings before any picture is read: the device, classifiers, correctors, packages."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mien import correctors
from mien.errors import MienError, UsageError
from mien.nets import saved
from mien.nets.device import choose_device
from mien.nets.pretrained import PREFIX
from mien.nets.settings import TrainSettings


def check(train: TrainSettings, bases: Iterable[str], wanted: Iterable[str] = (), *, colour: bool = False) -> None:
    """Refuse settings that would otherwise fail only after pictures were read or a run was begun.

    Parameters
    ----------
    train : its device must be there.
    bases, wanted : names of classifiers and correctors. colour : whether the pictures are RGB.

    Raises
    ------
    UsageError : a device that is not there; a name that cannot be imported, or a class that cannot be made.
    MissingExtraError, BrokenPackageError : a package that is needed.
    """
    choose_device(train.device)
    for name in bases:
        _check_base(name, colour)
    for name in wanted:
        correctors.get_corrector(name)()


def _check_base(name: str, colour: bool) -> None:
    saved.get_network(name)
    if ":" not in name or name.startswith(PREFIX):  # a backbone would be fetched
        return
    try:
        saved.build(name, np.ones(2, bool), colour)
    except MienError:
        raise
    except Exception as error:  # it is somebody else's code
        cause = f"cannot be made: {type(error).__name__}: {error}"
        remedy = "make it take (classes, colours, known), as mien.testing.check_network has it"
        raise UsageError(cause, place=f"--base {name}", remedy=remedy) from error
