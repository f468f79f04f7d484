"""What an exported graph holds, on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mien.cli.terminal import print_json
from mien.types import plain

LONGEST = 500
"""Characters of a line that are shown."""


def show_graph(path: Path, as_json: bool) -> None:
    """Print the facts in an ONNX graph that mien export wrote; nothing in it is computed."""
    from mien.deploy.onnx.metadata import read_metadata

    facts = read_metadata(path)
    if as_json:
        print_json(facts)
        return
    for title, text in _lines(facts):
        click.echo(f"{title:<12} {plain(text)[:LONGEST]}")


def _lines(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """Titles and texts. Every value may be missing, or of any type: graphs come from anywhere."""

    def part(name: str, key: str) -> Any:
        values = facts.get(name)
        return values.get(key, "") if isinstance(values, dict) else ""

    def listed(name: str) -> str:
        values = facts.get(name)
        return ", ".join(map(str, values)) if isinstance(values, list) else str(values or "")

    limits = facts.get("thresholds")
    pairs = limits.items() if isinstance(limits, dict) else ()
    parity = facts.get("parity")
    compared = ", ".join(f"{name} {value}" for name, value in parity.items()) if isinstance(parity, dict) else ""
    lines = [
        ("graph", f"{facts.get('kind', '')}, opset {facts.get('opset', '')}"),
        ("reads", part("inputs", "words")),
        ("as input", part("inputs", "name")),
        ("gives", listed("outputs")),
        ("classes", listed("classes")),
        ("corrects", f"{listed('targets')} ({listed('correctors')})" if "targets" in facts else ""),
        ("action", part("policy", "action")),
        ("thresholds", ", ".join(f"{name} {'never' if value is None else value}" for name, value in pairs)),
        ("", facts.get("calibration", "")),
        ("certificate", facts.get("certificate", "")),
        ("in force", part("restraint", "reason")),
        ("compared", compared),
        ("for", f"classifier {facts.get('classifier', '')}"),
        ("patch", facts.get("patch", "")),
        ("exported", f"{facts.get('exported', '')}, mien {facts.get('version', '')}"),
    ]
    return [(title, text) for title, text in lines if text]
