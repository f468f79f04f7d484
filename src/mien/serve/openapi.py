"""The description of the API: what FastAPI finds in the routes, and the endpoint that answers for pictures."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mien.machine import versions
from mien.serve.bodies import BYTES, FORM, JSON
from mien.serve.problems import MEDIA_TYPE, TITLES
from mien.service.service import Service

PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "remedy": {"type": "string"},
    },
}  # fmt: skip
PICTURE = {"type": "string", "format": "binary"}
PATCH = {"type": "string", "description": "NAME@HASH or none, in place of the patch in force"}
ROW = {
    "type": "object",
    "required": ["file", "status"],
    "properties": {
        "prediction": {"type": "string", "description": "id for /feedback"},
        "file": {"type": "string"},
        "status": {"type": "string", "enum": ["ok", "no_face", "unreadable"]},
        "label": {"type": "string", "description": "the classifier's own answer"},
        "corrected": {"type": ["string", "null"], "description": "the answer; null where the patch abstains"},
        "overridden": {"type": "boolean"},
        "face": {"type": "integer", "description": "number of the face, where faces are found"},
        "box": {"type": "array", "items": {"type": "number"}, "description": "left, top, right, bottom in pixels"},
        "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
        "patch": {"type": "string", "description": "id of the patch in force, empty for none"},
        "score": {"type": ["number", "null"]},
        "threshold": {"type": ["number", "null"], "description": "an answer is overridden above it"},
        "time": {"type": "string", "format": "date-time"},
        "error": {"type": "string"},
    },
}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": TITLES.get(status, "Error"), "content": {MEDIA_TYPE: {"schema": schema}}}


PROBLEMS = {str(status): _problem(status) for status in (400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 422, 503)}
"""Answers that every endpoint may give."""


def described(app: FastAPI, service: Service) -> dict[str, Any]:
    """The description of all endpoints; made once."""
    if app.openapi_schema is None:
        about = "A face-expression classifier with the patch that corrects it. docs/serving.md explains each part."
        schema = get_openapi(title="mien", version=versions()["mien"], description=about, routes=app.routes)
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
        schema["paths"]["/predict"] = {"post": _predict(service)}
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].update(PROBLEMS)
        app.openapi_schema = schema
    return app.openapi_schema


def pictures(service: Service, most: int) -> dict[str, Any]:
    """The body of a request with pictures, in all forms."""
    image = {
        "type": "object", "required": ["content"],
        "properties": {
            "content": {"type": "string", "format": "byte", "description": "an image file in base64"},
            "file": {"type": "string"},
            "group": {"type": "string", "description": "person or track: counts once in the watch"},
        },
    }  # fmt: skip
    images = {"type": "array", "minItems": 1, "maxItems": most, "items": image}
    properties = {"file": {"type": "array", "items": PICTURE}, "patch": PATCH}
    bodies = {
        FORM: {"schema": {"type": "object", "properties": properties, "required": ["file"]}},
        JSON: {"schema": {"type": "object", "required": ["images"], "properties": {"images": images, "patch": PATCH}}},
        **{kind: {"schema": PICTURE} for kind in ("image/png", "image/jpeg", BYTES)},
    }
    return {"required": True, "content": bodies}


def _predict(service: Service) -> dict[str, Any]:
    rows = {"type": "array", "items": ROW}
    answer = {"type": "object", "required": ["predictions"], "properties": {"predictions": rows}}
    named = (("patch", PATCH["description"]), ("group", "person or track"), ("file", "name for the row"))
    query = [{"name": name, "in": "query", "schema": {"type": "string"}, "description": about} for name, about in named]
    return {
        "tags": ["predictions"], "summary": "Answers for pictures", "operationId": "predict",
        "description": "A row for each picture, with the names that mien predict uses.",
        "parameters": query, "requestBody": pictures(service, service.settings.max_images),
        "responses": {"200": {"description": "A row for each picture", "content": {JSON: {"schema": answer}}}},
    }  # fmt: skip
