"""Identity: a short digest of explicit, named fields. Equal fields give the same digest in every version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any

import numpy as np


def identity(**named: Any) -> str:
    """A hex digest of 16 digits of named values.

    Parameters
    ----------
    named : numbers, texts, None, arrays, settings (dataclasses), and lists and mappings of these.

    Raises
    ------
    TypeError : a value of another type. Its text could change with any version of Python or of a library.

    Examples
    --------
    >>> identity(seed=0, key="full") == identity(key="full", seed=0)
    True
    """
    text = json.dumps(_plain(named), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fields_of(settings: Any) -> dict[str, Any]:
    """The fields that identify a settings object: all but those that came later and have their default.

    The default of a field that came later (metadata ``later``, see :func:`mien.settings.setting`) is what earlier
    versions did. So neither it nor any other default may change: the setting would get another name.
    """
    return {item.name: _value(settings, item) for item in fields(settings) if not _is_unused(settings, item)}


def _is_unused(settings: Any, item: Field[Any]) -> bool:
    return bool(item.metadata.get("later")) and getattr(settings, item.name) == item.default


def _value(settings: Any, item: Field[Any]) -> Any:
    value = getattr(settings, item.name)
    is_share = isinstance(item.default, float) and isinstance(value, (int, np.integer))
    return float(value) if is_share else value  # 0 and 0.0 are the same


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(fields_of(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "kind": value.dtype.kind, "content": _digest_of_content(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"no identity of a {type(value).__name__}")


def _digest_of_content(array: np.ndarray) -> str:
    if array.dtype.kind == "O":
        raise TypeError("no identity of Python objects")
    if array.dtype.kind == "U":  # the width of its cells is no content; file names may hold bytes that are no text
        content = json.dumps(array.tolist()).encode(errors="surrogateescape")
    else:
        content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return hashlib.sha256(content).hexdigest()
