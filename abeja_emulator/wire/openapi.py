"""From declared operations to an OpenAPI 3.1 document."""

from __future__ import annotations

import inspect
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    MethodNotAllowed,
    NotEmulated,
    NotFound,
    PayloadTooLarge,
    Unauthorized,
)
from abeja_emulator.wire.content import Download, Empty, FilesForm, Multipart, Upload
from abeja_emulator.wire.messages import Request, Response
from abeja_emulator.wire.operations import Access, Base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from abeja_emulator.wire.operations import Operation

VERSION = "3.1.0"

_REFERENCE = "#/components/{kind}/{name}"
_JSON = "application/json"
_ANYTHING = "*/*"

#: What errors mean, by their status.
_ERRORS = {
    error.status: error
    for error in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        PayloadTooLarge,
        NotEmulated,
    )
}

#: How credentials travel (`abeja/common/auth.py`), and signatures.
_SCHEMES: dict[str, dict[str, Any]] = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "User or data source, with its personal access token or secret.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "A bearer token, such as that of a training job."},
    "signature": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "Comes with the URL, which is good for one method and path until it expires.",
    },
}

_EXPIRES = {
    "name": "expires",
    "in": "query",
    "required": True,
    "description": "Comes with the URL: the second since the epoch at which it is no longer good.",
    "schema": {"type": "integer"},
}

_ORGANIZATION_SERVER = {
    "url": "https://{organization}.api.abeja.io",
    "variables": {"organization": {"default": "my-organization", "description": "Name or id of the organization."}},
}

#: Where the part of a docstring begins that is about Python.
_SECTION = re.compile(r"^(?:Args|Raises|Returns|Yields):$", re.MULTILINE)

_VARIABLE = re.compile(r"\{(\w+)\}")


class Refusal(msgspec.Struct, omit_defaults=True):
    """Why nothing came of a request: what happened, why, and what to do."""

    error: str
    error_description: str
    error_detail: Any = None


def openapi(
    operations: Iterable[Operation], *, title: str, version: str, description: str = "", secured: bool = True
) -> dict[str, Any]:
    """Return the OpenAPI document of some operations.

    An operation that is not emulated is in it with the 501 it answers. What an operation says of its evidence
    and source is there as `x-evidence` and `x-source`; one that names no source claims nothing. The least role of a
    user who may call it is `x-role`.

    Args:
        operations: the operations; no two share a name, nor a method and path.
        title: name of the API.
        version: its version.
        description: what a reader should know of all of it.
        secured: whether operations ask for a credential or a signature.
    """
    return _Document(tuple(operations), secured=secured).build(title, version, description)


class _Document:
    """One document in the making."""

    def __init__(self, operations: tuple[Operation, ...], *, secured: bool) -> None:
        self._operations = operations
        self._secured = secured
        shapes = list(dict.fromkeys(_shapes(operations)))
        template = _REFERENCE.format(kind="schemas", name="{name}")
        schemas, self._components = msgspec.json.schema_components(shapes, ref_template=template)
        self._schemas: dict[Any, dict[str, Any]] = dict(zip(shapes, schemas))
        self._responses: dict[str, Any] = {}

    def build(self, title: str, version: str, description: str) -> dict[str, Any]:
        """Return the whole document."""
        paths: dict[str, Any] = {}
        for operation in self._operations:
            described = self._operation(operation)
            path = paths.setdefault(operation.path, {})
            path[operation.method.lower()] = described
            for method in operation.also:
                name = f"{operation.name}_with_{method.lower()}"
                unlike = {"operationId", *(("requestBody",) if method == "GET" else ())}
                alike = {key: value for key, value in described.items() if key not in unlike}
                path[method.lower()] = {"operationId": name, **alike}
        info = {"title": title, "version": version, **({"description": description} if description else {})}
        components: dict[str, Any] = {
            "schemas": self._reachable([paths, self._responses]),
            "responses": self._responses,
        }
        if self._secured:
            components["securitySchemes"] = _SCHEMES
        return {
            "openapi": VERSION,
            "info": info,
            "servers": [{"url": "/"}],
            "tags": [{"name": tag} for tag in dict.fromkeys(each.service for each in self._operations)],
            "paths": paths,
            "components": components,
        }

    def _operation(self, operation: Operation) -> dict[str, Any]:
        summary, description = _words(operation)
        described: dict[str, Any] = {"operationId": operation.name, "tags": [operation.service], "summary": summary}
        if description:
            described["description"] = description
        parameters = self._parameters(operation)
        if parameters:
            described["parameters"] = parameters
        if operation.body is not None:
            described["requestBody"] = self._body(operation.body)
        described["responses"] = self._answers(operation)
        if self._secured:
            signed = operation.access is Access.SIGNATURE
            described["security"] = [{"signature": []}] if signed else [{"basic": []}, {"bearer": []}]
            if not signed:
                described["x-role"] = operation.role.name.lower()
        if operation.base is Base.ORGANIZATION:
            described["servers"] = [_ORGANIZATION_SERVER]
        if operation.source:
            described["x-evidence"] = operation.evidence.value
            described["x-source"] = operation.source
        return described

    def _parameters(self, operation: Operation) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _VARIABLE.findall(operation.path)
        ]
        if self._secured and operation.access is Access.SIGNATURE:
            parameters.append(_EXPIRES)
        if operation.query is not None:
            shape = self._resolved(self._schemas[operation.query])
            for name, schema in shape["properties"].items():
                parameters.append(_query_parameter(name, schema, required=name in shape["required"]))
        return parameters

    def _body(self, shape: Any) -> dict[str, Any]:
        if shape is Request:
            return {"description": "Anything.", "required": False, "content": {_ANYTHING: {}}}
        if shape is Upload:
            description = "The bytes of a file. Headers that begin with `x-abeja-meta-` are kept as its metadata."
            return {"description": description, "required": False, "content": {_ANYTHING: {}}}
        if isinstance(shape, FilesForm):
            binary = {"contentMediaType": "application/octet-stream"}
            files = {"type": "object", "properties": dict.fromkeys(shape.names, binary), "required": list(shape.names)}
            return {"required": True, "content": {"multipart/form-data": {"schema": files}}}
        if isinstance(shape, Multipart):
            form = {
                "type": "object",
                "properties": {
                    shape.file: {"contentMediaType": "application/octet-stream"},
                    "parameters": self._schemas[shape.parameters],
                },
                "required": [shape.file, "parameters"],
            }
            encoding = {"parameters": {"contentType": _JSON}}
            content: dict[str, Any] = {"multipart/form-data": {"schema": form, "encoding": encoding}}
            if shape.encoded:
                content[_JSON] = {"schema": self._with_file(self._schemas[shape.parameters], shape.encoded)}
            return {"required": True, "content": content}
        return {"required": not _may_be_left_out(shape), "content": {_JSON: {"schema": self._schemas[shape]}}}

    def _with_file(self, schema: dict[str, Any], name: str) -> dict[str, Any]:
        """Return a schema of an object with one more field, which holds a file in base64."""
        shape = self._resolved(schema)
        file = {"type": "string", "contentEncoding": "base64"}
        return {
            "type": "object",
            "properties": {**shape["properties"], name: file},
            "required": [*shape.get("required", []), name],
        }

    def _answers(self, operation: Operation) -> dict[str, Any]:
        if operation.rule is None:
            return {str(NotEmulated.status): self._refusal(NotEmulated.status)}
        done: dict[str, Any] = {"description": "It is done."}
        if operation.answer is Response:
            done["description"] = "What was asked has answered, with any status and any content."
            refusals = {str(status): self._refusal(status) for status in operation.errors}
            return {"default": {**done, "content": {_ANYTHING: {}}}, **refusals}
        if operation.answer is Download:
            done["content"] = {_ANYTHING: {}}
        elif operation.answer not in {None, Empty}:
            done["content"] = {_JSON: {"schema": self._schemas[operation.answer]}}
        return {"200": done, **{str(status): self._refusal(status) for status in operation.errors}}

    def _refusal(self, status: int) -> dict[str, str]:
        error = _ERRORS.get(status)
        phrase = HTTPStatus(status).phrase
        name = error.__name__ if error else re.sub(r"\W", "", phrase.title())
        text = inspect.cleandoc(error.__doc__ or "").partition(": ")[2] if error else phrase
        self._responses[name] = {
            "description": text[:1].upper() + text[1:],
            "content": {_JSON: {"schema": self._schemas[Refusal]}},
        }
        return {"$ref": _REFERENCE.format(kind="responses", name=name)}

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return what a schema refers to."""
        found: dict[str, Any] = self._components[schema["$ref"].rpartition("/")[2]]
        return found

    def _reachable(self, start: Any) -> dict[str, Any]:
        """Return the schemas that something refers to: what a query is made of is in its parameters already."""
        waiting, found = list(_references(start)), set()
        while waiting:
            name = waiting.pop().rpartition("/")[2]
            if name in self._components and name not in found:
                found.add(name)
                waiting += _references(self._components[name])
        return {name: schema for name, schema in sorted(self._components.items()) if name in found}


def _shapes(operations: Iterable[Operation]) -> Iterator[Any]:
    """Yield every type that a schema is needed of."""
    yield Refusal
    for operation in operations:
        body = operation.body.parameters if isinstance(operation.body, Multipart) else operation.body
        yield from (
            shape
            for shape in (operation.query, body, operation.answer)
            if shape not in {None, Upload, Download, Empty, Request, Response} and not isinstance(shape, FilesForm)
        )


def _words(operation: Operation) -> tuple[str, str]:
    """Return summary and description of an operation."""
    if operation.rule is None:
        return f"Not emulated: {operation.reason}.", ""
    text = _SECTION.split(inspect.cleandoc(operation.rule.__doc__ or ""))[0]
    return operation.summary, text.partition("\n")[2].strip()


def _query_parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """Return a parameter; that it may be null, or is null when it is not there, cannot be said in a URL."""
    schema = dict(schema)
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        del schema["anyOf"]
        schema = {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}), **schema}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if schema.get("default", ...) is None:
        del schema["default"]
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    return {**parameter, "schema": schema}


def _may_be_left_out(shape: Any) -> bool:
    """Tell whether no body at all is as good as an empty object."""
    try:
        msgspec.json.decode(b"{}", type=shape)
    except msgspec.ValidationError:
        return False
    return True


def _references(part: Any) -> Iterator[str]:
    """Yield every reference within a part of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
