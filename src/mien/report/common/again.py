"""The section on how to run an experiment again."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from mien.report.common.layout import render, section
from mien.report.common.run_figures import names, seconds
from mien.storage.run import Run


@section("Run it again", "again")
def again(run: Run) -> Markup:
    """The same settings and seeds give the same numbers."""
    manifest = run.manifest()
    settings = manifest.get("settings", {})
    nested = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    groups = {
        "Data": manifest.get("data", {}),
        "Study": {
            "seeds": manifest.get("seeds", []),
            **({"left out": names(run, "left_out")} if "left_out" in manifest else {}),
            "split fingerprints": manifest.get("splits", {}),
            **{
                name: value
                for name, value in settings.items()
                if name not in nested and name not in ("seeds", "classes")
            },
        },
        **{f"Settings: {name}": value for name, value in nested.items()},
        "Versions": manifest.get("versions", {}),
        "Machine": manifest.get("machine", {}),
    }
    took = manifest.get("seconds")
    return render(
        "again.html",
        command=manifest.get("command", ""),
        groups={title: {key: _plain(value) for key, value in group.items()} for title, group in groups.items()},
        started=manifest.get("started", ""),
        took=seconds(took) if took else "",
    )


def _plain(value: object) -> str:
    """A setting as people write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
