"""Annotations of Label Studio as reviews: its full JSON, JSON-MIN and CSV. Predictions are never reviews."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mien.data.reviews import Fault, Review

PICTURE_IDS = ("mienid", "pictureid")
"""Fields with the picture's id, as `mien.data.tables.fold_title` writes them. JSON-MIN overwrites a field called id."""
LINKS = ("image", "filepath", "file", "picture", "img", "path", "filename", "url")
CHOICES = ("emotion", "choice", "choices", "label", "expression", "class")
OWN = ("annotationid", "annotator", "leadtime", "completedby")
"""Fields by which rows of JSON-MIN and CSV are told from other rows."""
UPLOADED = re.compile(r"(?:.*/)?data/upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(.+)", re.DOTALL)
NAMELESS = "names no picture: it has neither mien_id nor a link to a file"
LISTED = 5


def is_task(record: Mapping[str, Any]) -> bool:
    """Whether an object is a task of the full JSON export."""
    return isinstance(record.get("data"), dict)


def is_row(fields: Mapping[str, Any]) -> bool:
    """Whether fields, by fold_title names, are a row of JSON-MIN or CSV."""
    return any(name in fields for name in OWN)


def of_task(task: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[Review | Fault]:
    """The reviews in a task: one for each annotation that was not cancelled and chose a class.

    Parameters
    ----------
    task : as exported. fields : its data, by fold_title names.
    """
    annotations = task.get("annotations", task.get("completions")) or []
    if not isinstance(annotations, list):
        yield Fault("its annotations are not a list")
        return
    name = picture_named(fields) or _uploaded(task.get("file_upload")) or _older_id(fields)
    for annotation in annotations:
        if not isinstance(annotation, dict):
            yield Fault("has the ids of its annotations only: export the annotations themselves")
            continue
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        found = review(name, _results(annotation.get("result")), annotation)
        if found is not None:
            yield found


def of_row(fields: Mapping[str, Any]) -> Review | Fault | None:
    """The review in a row of JSON-MIN or CSV, None where nothing was chosen."""
    value = next((fields[name] for name in CHOICES if fields.get(name) not in (None, "")), None)
    if value is None:
        value = next((one for one in fields.values() if isinstance(one, dict) and "choices" in one), None)
    about = {
        "completed_by": fields.get("annotator", fields.get("completedby")),
        "updated_at": fields.get("updatedat"),
        "created_at": fields.get("createdat"),
    }
    return review(picture_named(fields), value, about)


def review(name: str, value: Any, about: Mapping[str, Any]) -> Review | Fault | None:
    """One annotation as a review.

    Parameters
    ----------
    name : of the picture. value : what was chosen, in any of Label Studio's forms.
    about : completed_by, created_at, updated_at.
    """
    chosen = choices(value)
    if chosen is None:
        return Fault("its choice is not text")
    if not chosen:
        return None
    if len(chosen) > 1:
        return Fault(f"has {len(chosen)} choices: {', '.join(chosen[:LISTED])[:80]}")
    if not name:
        return Fault(NAMELESS)
    when = about.get("updated_at") or about.get("created_at") or ""
    return Review(name, chosen[0], annotator(about.get("completed_by")), str(when))


def choices(value: Any) -> list[str] | None:
    """The texts that were chosen, each once; None where they are no texts.

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
    each = [choices(one) for one in value]
    if any(one is None for one in each):
        return None
    return list(dict.fromkeys(text for one in each for text in one or ()))


def annotator(who: Any) -> str:
    """A name for an annotator: the address where it is known, else the number.

    >>> annotator({"id": 3, "email": "anna@example.org"}), annotator(3)
    ('anna@example.org', 'annotator 3')
    """
    if isinstance(who, dict):
        who = who.get("email") or who.get("username") or who.get("id")
    text = "" if who is None else str(who).strip()
    return f"annotator {text}" if text.isdigit() else text


def picture_named(fields: Mapping[str, Any]) -> str:
    """The picture that a row's fields (by fold_title names) name: by id or by a link; "" for none."""
    for name in PICTURE_IDS:
        if isinstance(fields.get(name), (str, int)) and str(fields[name]).strip():
            return str(fields[name])
    links = (fields.get(name) for name in LINKS)
    return next((linked for linked in (file_of(link) for link in links if isinstance(link, str)) if linked), "")


def file_of(link: str) -> str:
    """The file that a link leads to; "" for pictures that are in the link themselves.

    >>> file_of("/data/upload/3/1a2b3c4d-001.png"), file_of("/data/local-files/?d=faces/fear/1.png")
    ('001.png', 'faces/fear/1.png')
    >>> file_of("s3://bucket/fear/1.png"), file_of("data:image/png;base64,iVBO"), file_of("fear/100%.png")
    ('fear/1.png', '', 'fear/100%.png')
    """
    if not file_named(link):
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


def file_named(name: str) -> str:
    """The same name; "" for pictures that are in the field themselves, which no message may print."""
    return "" if name[:5].casefold() == "data:" else name


def _uploaded(name: Any) -> str:
    """The name that an uploaded file had before Label Studio put eight digits before it."""
    return re.sub(r"^[0-9a-f]{8}-", "", name) if isinstance(name, str) and not name.endswith(".json") else ""


def _older_id(fields: Mapping[str, Any]) -> str:
    """The field that earlier exports of mien had for the picture's id."""
    name = fields.get("id")
    return name if isinstance(name, str) else ""


def _results(results: Any) -> Any:
    """What was chosen in the results of an annotation: of several questions, in that about the emotion."""
    if not isinstance(results, list):
        return results
    answers = [one for one in results if isinstance(one, dict) and one.get("type", "choices") == "choices"]
    names = [str(one.get("from_name", "")).casefold() for one in answers]
    asked = next((name for name in CHOICES if name in names), None)
    return [one.get("value") for one, name in zip(answers, names, strict=True) if asked in (None, name)]
