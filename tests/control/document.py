"""What an OpenAPI document has to be, and whether a value is what a schema of it describes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("get", "put", "post", "delete", "patch")

#: Form of the name of a component (OpenAPI 3.1, 4.8.7).
COMPONENT = re.compile(r"[a-zA-Z0-9._-]+")

#: What may stand in an operation (4.8.10), besides extensions.
OPERATION = {"tags", "summary", "description", "operationId", "parameters", "requestBody", "responses", "security"}

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}

#: Keywords that say nothing of a value.
WORDS = {"title", "description", "default", "contentMediaType", "contentEncoding"}


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and declaration of each operation."""
    for path, item in document["paths"].items():
        for method, declared in item.items():
            yield path, method, declared


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a part of the document refers to, or itself."""
    while "$ref" in part:
        head, *steps = part["$ref"].split("/")
        assert head == "#"
        part = document
        for step in steps:
            part = part[step]
    return part


def check_document(document: dict[str, Any]) -> None:
    """Check that a document is well-formed OpenAPI 3.1, as far as our documents go."""
    assert json.loads(json.dumps(document)) == document
    assert document["openapi"] == "3.1.0"
    assert set(document) == {"openapi", "info", "servers", "tags", "paths", "components"}
    assert document["info"]["title"]
    assert document["info"]["version"]
    for reference in references(document):
        resolved(document, {"$ref": reference})
    for components in document["components"].values():
        assert all(COMPONENT.fullmatch(name) for name in components)
    names = [declared["operationId"] for _, _, declared in operations_of(document)]
    assert len(names) == len(set(names))
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]]
    assert len(shapes) == len(set(shapes))
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, declared in operations_of(document):
        check_operation(document, path, method, declared)
        assert set(declared["tags"]) <= tags


def check_operation(document: dict[str, Any], path: str, method: str, declared: dict[str, Any]) -> None:
    """Check one operation: its parameters are those of its path, its answers and bodies have content with schemas."""
    assert path.startswith("/")
    assert method in METHODS
    assert {key for key in declared if not key.startswith("x-")} - {"servers"} <= OPERATION
    parameters = declared.get("parameters", [])
    keys = [(each["name"], each["in"]) for each in parameters]
    assert len(keys) == len(set(keys))
    in_path = [each for each in parameters if each["in"] == "path"]
    assert [each["name"] for each in in_path] == re.findall(r"\{(\w+)\}", path)
    assert all(each["required"] is True for each in in_path)
    for each in parameters:
        assert set(each) <= {"name", "in", "required", "description", "schema"}
        check_schema(document, each["schema"])
    contents = [declared["requestBody"]["content"]] if "requestBody" in declared else []
    assert method != "get" or not contents
    assert declared["responses"]
    for status, response in declared["responses"].items():
        assert re.fullmatch(r"[2-5]\d\d|default", status)
        described = resolved(document, response)
        assert described["description"]
        contents.append(described.get("content", {}))
    for content in contents:
        for media_type, media in content.items():
            assert media_type in {"application/json", "multipart/form-data", "*/*"}
            assert ("schema" in media) == (media_type != "*/*")
            check_schema(document, media.get("schema", {}))
    for requirement in declared.get("security", []):
        assert set(requirement) <= set(document["components"]["securitySchemes"])


def check_schema(document: dict[str, Any], schema: Any) -> None:
    """Check that a schema, and each within it, has only keywords that `check_value` understands."""
    keywords = {"$ref", "type", "enum", "anyOf", "items", "properties", "required", "additionalProperties"}
    bounds = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
    assert set(schema) <= keywords | bounds | WORDS, schema
    assert schema.get("type", "string") in TYPES
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    inner = [*schema.get("anyOf", []), *schema.get("properties", {}).values()]
    inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for each in inner:
        check_schema(document, each)
    if "default" in schema:
        assert fits(document, schema["default"], schema)


def fits(document: dict[str, Any], value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether a value is what a schema describes."""
    if "$ref" in schema and not fits(document, value, resolved(document, {"$ref": schema["$ref"]})):
        return False
    if "anyOf" in schema and not any(fits(document, value, each) for each in schema["anyOf"]):
        return False
    if not fits_itself(value, schema):
        return False
    if isinstance(value, dict):
        return fits_object(document, value, schema)
    return not isinstance(value, list) or all(fits(document, each, schema.get("items", {})) for each in value)


def fits_itself(value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether a value, whatever is in it, is of the type and among those that a schema allows."""
    if "type" in schema and not is_of(value, schema["type"]):
        return False
    return (
        ("enum" not in schema or value in schema["enum"])
        and ("minimum" not in schema or value >= schema["minimum"])
        and ("maximum" not in schema or value <= schema["maximum"])
        and all(len(value) >= schema[name] for name in ("minLength", "minItems") if name in schema)
        and all(len(value) <= schema[name] for name in ("maxLength", "maxItems") if name in schema)
    )


def fits_object(document: dict[str, Any], value: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Tell whether the fields of an object are those that a schema describes."""
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not set(schema.get("required", [])) <= set(value):
        return False
    for name, inner in value.items():
        if name in properties:
            if not fits(document, inner, properties[name]):
                return False
        elif others is False or (isinstance(others, dict) and not fits(document, inner, others)):
            return False
    return True


def is_of(value: Any, kind: str) -> bool:
    """Tell whether a value is of a type of JSON; true and false are no numbers there."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[kind])


def references(part: Any) -> Iterator[str]:
    """Yield every reference within a part of a document."""
    if isinstance(part, dict):
        for key, inner in part.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)
