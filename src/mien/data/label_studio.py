"""Conversion of Label Studio's annotations to reviews (JSON, JSON-MIN and CSV); predictions are not reviews."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mien.data.reviews import Fault, Review

PICTURE_IDS = ("mienid", "pictureid")
"""Folded names of fields with the picture's id; JSON-MIN overwrites a field called id."""
LINKS = ("image", "filepath", "file", "picture", "img", "path", "filename", "url")
CHOICES = ("emotion", "choice", "choices", "label", "expression", "class")
TYPICAL = ("annotationid", "annotator", "leadtime", "completedby")
"""Fields by which rows of JSON-MIN and CSV are recognised."""
UPLOADED = re.compile(r"(?:.*/)?data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(.+)", re.DOTALL)


def is_task(record: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a task of the full JSON export."""
    return isinstance(record.get("data"), dict)


def is_row(fields: Mapping[str, Any]) -> bool:
    """Whether fields with folded names are a row of JSON-MIN or CSV."""
    return any(name in fields for name in TYPICAL)


def reviews_of_task(task: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[Review | Fault]:
    """Convert the annotations of an exported task that chose a class and were not cancelled.

    The `fields` are the task's data, by folded names.
    """
    annotations = task.get("annotations", task.get("completions")) or []
    if not isinstance(annotations, list):
        yield Fault("its annotations are not a list")
        return
    name = picture_named(fields) or _uploaded(task.get("file_upload"))
    if not name and isinstance(fields.get("id"), str):
        name = fields["id"]  # in exports of earlier versions of mien
    for annotation in annotations:
        if not isinstance(annotation, dict):
            yield Fault("has only the ids of its annotations: export the annotations themselves")
            continue
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        converted = review(name, _results(annotation.get("result")), annotation)
        if converted is not None:
            yield converted


def review_of_row(fields: Mapping[str, Any]) -> Review | Fault | None:
    """Convert a row of JSON-MIN or CSV; None if no class was chosen."""
    value = next((fields[name] for name in CHOICES if fields.get(name) not in (None, "")), None)
    if value is None:
        value = next((field for field in fields.values() if isinstance(field, dict) and "choices" in field), None)
    about = {
        "completed_by": fields.get("annotator", fields.get("completedby")),
        "updated_at": fields.get("updatedat"),
        "created_at": fields.get("createdat"),
    }
    return review(picture_named(fields), value, about)


def review(name: str, value: Any, about: Mapping[str, Any]) -> Review | Fault | None:
    """Convert one annotation to a review; None if no class was chosen.

    The `value` is the choice in any format of Label Studio; `about` has completed_by, created_at and updated_at.
    """
    chosen = choices(value)
    if chosen is None:
        return Fault("its choice is not text")
    if not chosen:
        return None
    if len(chosen) > 1:
        return Fault(f"has {len(chosen)} choices: {', '.join(chosen[:5])[:80]}")
    if not name:
        return Fault("names no picture: it has neither mien_id nor a link to a file")
    when = about.get("updated_at") or about.get("created_at") or ""
    return Review(name, chosen[0], annotator(about.get("completed_by")), str(when))


def choices(value: Any) -> list[str] | None:
    """Extract the chosen texts, each once; None if a choice is not a text or a number.

    >>> choices({"choices": ["fear"]}), choices('["fear", "anger"]'), choices(None)
    (['fear'], ['fear', 'anger'], [])
    """
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        return choices(value["choices"]) if "choices" in value else None
    if isinstance(value, str):
        if value.strip()[:1] in ("{", "["):
            try:
                return choices(json.loads(value))
            except (ValueError, RecursionError):
                return [value]
        return [value] if value.strip() else []
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [str(value)]
    if not isinstance(value, list):
        return None
    parts = [choices(item) for item in value]
    if any(part is None for part in parts):
        return None
    return list(dict.fromkeys(text for part in parts for text in part or ()))


def annotator(who: Any) -> str:
    """Name an annotator by email or user name, else by number.

    >>> annotator({"id": 3, "email": "anna@example.org"}), annotator(3)
    ('anna@example.org', 'annotator 3')
    """
    if isinstance(who, dict):
        who = who.get("email") or who.get("username") or who.get("id")
    text = "" if who is None else str(who).strip()
    return f"annotator {text}" if text.isdigit() else text


def picture_named(fields: Mapping[str, Any]) -> str:
    """The picture named by an id or a link among a row's fields (by folded names); "" for none."""
    for name in PICTURE_IDS:
        if isinstance(fields.get(name), (str, int)) and str(fields[name]).strip():
            return str(fields[name])
    links = (fields.get(name) for name in LINKS)
    return next((linked for linked in (file_of(link) for link in links if isinstance(link, str)) if linked), "")


def file_of(link: str) -> str:
    """Convert a link to the name of its file; "" for data URIs.

    >>> file_of("/data/upload/3/1a2b3c4d-001.png"), file_of("/data/local-files/?d=faces/fear/1.png")
    ('001.png', 'faces/fear/1.png')
    >>> file_of("s3://bucket/fear/1.png"), file_of("data:image/png;base64,iVBO"), file_of("fear/100%.png")
    ('fear/1.png', '', 'fear/100%.png')
    """
    if not without_data_uri(link):
        return ""
    upload = UPLOADED.fullmatch(link.partition("?")[0])
    if upload:
        return unquote(upload[1])
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", link) and not link.startswith("/data/local-files/"):
        return link
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    return parse_qs(parts.query).get("d", [unquote(parts.path).lstrip("/")])[0]


def without_data_uri(name: str) -> str:
    """Return the name, but "" for a data URI, which contains the picture itself and must not appear in messages."""
    return "" if name[:5].casefold() == "data:" else name


def _uploaded(name: Any) -> str:
    """Original name of an uploaded file, without the prefix of eight digits that Label Studio adds."""
    return re.sub(r"^[0-9a-f]{8}-", "", name) if isinstance(name, str) and not name.endswith(".json") else ""


def _results(results: Any) -> Any:
    """Chosen values in the results of an annotation; if there are several questions, of the one about the emotion."""
    if not isinstance(results, list):
        return results
    answers = [result for result in results if isinstance(result, dict) and result.get("type", "choices") == "choices"]
    names = [str(answer.get("from_name", "")).casefold() for answer in answers]
    asked = next((name for name in CHOICES if name in names), None)
    return [answer.get("value") for answer, name in zip(answers, names, strict=True) if asked in (None, name)]
