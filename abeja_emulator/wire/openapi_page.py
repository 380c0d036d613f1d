"""From an OpenAPI document to one HTML page, for a browser and without a network."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: .95rem; margin: 1rem 0 .2rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; } a { color: inherit; }
input { font: inherit; width: 100%; padding: .4rem .6rem; margin: 1rem 0; box-sizing: border-box; }
details { border-bottom: 1px solid var(--line); padding: .35rem 0; } details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary code { font-size: .9rem; }
.method { display: inline-block; min-width: 4.2rem; font: 600 .8rem ui-monospace, monospace; }
.get { color: #1f6feb; } .post { color: #1a7f37; } .put, .patch { color: #9a6700; } .delete { color: #cf222e; }
.evidence { font-size: .75rem; border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; }
.limit summary { opacity: .6; }
table { border-collapse: collapse; font-size: .88rem; } td, th { padding: .15rem .8rem .15rem 0; text-align: left;
  vertical-align: top; border-bottom: 1px solid var(--soft); }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; font-size: .82rem; margin: .3rem 0; }
"""

#: Hides what does not have the words that are looked for, and opens what the address of the page names.
SCRIPT = """
const field = document.querySelector("input");
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\\s+/);
  for (const each of document.querySelectorAll("details")) {
    const text = each.dataset.text;
    each.hidden = !words.every((word) => text.includes(word));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
});
const open = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named && named.tagName === "DETAILS") { named.open = true; named.scrollIntoView(); }
};
addEventListener("hashchange", open);
open();
"""

#: Deeper than any answer of the platform; a type that has itself in it ends there.
_DEPTH = 8

_CODE = re.compile(r"`([^`]+)`")

_NULL = {"type": "null"}


def page(document: dict[str, Any]) -> str:
    """Return the page of a document that `openapi` made."""
    info = document["info"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    order = [tag["name"] for tag in document["tags"]]
    operations.sort(key=lambda each: order.index(each[2]["tags"][0]))
    title = escape(info["title"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f"<h1>{title} <small>{escape(info['version'])}</small></h1><p>{_prose(info.get('description', ''))}</p>",
            "<nav>" + "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in order) + "</nav>",
            f'<input type="search" placeholder="Search {len(operations)} operations" aria-label="Search">',
            *(
                line
                for tag, found in groupby(operations, key=lambda each: each[2]["tags"][0])
                for line in _section(document, tag, list(found))
            ),
            f"<script>{SCRIPT}</script></body></html>",
        ]
    )


def _section(document: dict[str, Any], tag: str, operations: list[tuple[str, str, dict[str, Any]]]) -> Iterator[str]:
    yield f'<section><h2 id="{escape(tag)}">{escape(tag)}</h2>'
    for path, method, operation in operations:
        yield from _operation(document, path, method, operation)
    yield "</section>"


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    name, summary, evidence = operation["operationId"], operation["summary"], operation.get("x-evidence")
    server = "".join(each["url"].partition("://")[2] for each in operation.get("servers", []))
    limit = "" if "200" in operation["responses"] else ' class="limit"'
    text = f"{name} {method} {path} {summary} {evidence or ''}".lower()
    yield f'<details id="{escape(name)}"{limit} data-text="{escape(text)}"><summary>'
    yield f'<span class="method {method}">{method.upper()}</span><code>{escape(server + path)}</code> {_prose(summary)}'
    if evidence:
        yield f' <span class="evidence">{escape(evidence)}</span>'
    yield "</summary>"
    yield f"<p>{_prose(operation.get('description', ''))}</p><p><code>{escape(name)}</code>"
    if operation.get("x-source"):
        yield f" <small>known from {escape(operation['x-source'])}</small>"
    if operation.get("x-role"):
        yield f" <small>needs the role {escape(operation['x-role'])}</small>"
    yield "</p>"
    if operation.get("parameters"):
        yield from _parameters(document, operation["parameters"])
    if "requestBody" in operation:
        body = operation["requestBody"]
        yield f"<h3>body{'' if body['required'] else ', may be left out'}</h3>"
        yield from _content(document, body)
    answers = {status: _resolved(document, each) for status, each in operation["responses"].items()}
    if "200" in answers:
        yield "<h3>answer</h3>"
        yield from _content(document, answers.pop("200"))
    yield "<h3>refusals</h3><table>"
    for status, answer in answers.items():
        yield f"<tr><td>{escape(status)}</td><td>{_prose(answer['description'])}</td></tr>"
    yield "</table></details>"


def _parameters(document: dict[str, Any], parameters: list[dict[str, Any]]) -> Iterator[str]:
    yield "<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>"
    for parameter in parameters:
        words = ["" if parameter["required"] else "may be left out", parameter.get("description", "")]
        yield (
            f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
            f"<td><code>{escape(shown(document, parameter['schema']))}</code></td>"
            f"<td>{escape('; '.join(filter(None, words)))}</td></tr>"
        )
    yield "</table>"


def _content(document: dict[str, Any], part: dict[str, Any]) -> Iterator[str]:
    for kind, content in part.get("content", {}).items():
        schema = content.get("schema")
        text = "bytes" if schema is None else shown(document, schema)
        yield f"<pre>{escape(kind)}\n{escape(text)}</pre>"


def shown(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> str:  # noqa: PLR0911 - one for each kind
    """Return a schema as a person reads it: `{"name": string, "limit"?: integer ≥ 1}`."""
    schema = _resolved(document, schema)
    if depth > _DEPTH:
        return "…"
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != _NULL]
        texts = [shown(document, kind, depth) for kind in kinds] + ["null"] * (len(kinds) < len(schema["anyOf"]))
        return " | ".join(texts)
    if "enum" in schema:
        return " | ".join(_text(value) for value in schema["enum"])
    if schema.get("type") == "object" and "properties" in schema:
        return _object(document, schema, depth)
    if schema.get("type") == "object":
        more = schema.get("additionalProperties")
        return f"{{string: {shown(document, more, depth + 1)}}}" if isinstance(more, dict) else "object"
    if schema.get("type") == "array":
        return f"[{shown(document, schema.get('items', {}), depth + 1)}, …]"
    kind: str = schema.get("type", "bytes" if "contentMediaType" in schema else "anything")
    bounds = ((" ≥ ", "minimum"), (" ≤ ", "maximum"), (", at least ", "minLength"), (", at most ", "maxLength"))
    return kind + "".join(f"{sign}{schema[bound]}" for sign, bound in bounds if bound in schema)


def _object(document: dict[str, Any], schema: dict[str, Any], depth: int) -> str:
    required, indent = schema.get("required", []), "  " * (depth + 1)
    lines = [
        f'{indent}"{name}"{"" if name in required else "?"}: {shown(document, each, depth + 1)}'
        for name, each in schema["properties"].items()
    ]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}" if lines else "{}"


def _prose(text: str) -> str:
    """Return a text as HTML, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _text(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "null" if value is None else str(value)


def _resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a part of the document refers to, or itself."""
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].split("/")[1:]:
            found = found[step]
        part = found
    return part
