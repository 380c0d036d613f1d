"""What counts as a Content-Type: what `mime.ParseMediaType` of Go takes, since the platform's proxy is a Go program."""

from __future__ import annotations

import re

_WORD = r"[!#$%&'*+\-.0-9A-Za-z^_`{|}~]+"
_PARAMETER = re.compile(rf"\s*;\s*({_WORD})\s*=\s*({_WORD}|\"(?:[^\"\\\r\n]|\\[^\r\n])*\")")
_TYPE = re.compile(rf"\s*({_WORD}(?:/{_WORD})?)\s*(?=;|$)")

#: The type of a form with parts.
FORM = "multipart/form-data"


def media_type_of(content_type: str) -> str | None:
    """Return the media type in lower case without its parameters, or None when the whole cannot be parsed.

    As in Go a single word is a type, and a parameter may come twice when it says the same.
    """
    kind = _TYPE.match(content_type)
    if kind is None:
        return None
    end = kind.end()
    parameters: dict[str, str] = {}
    while parameter := _PARAMETER.match(content_type, end):
        name, value = parameter[1].lower(), _unquoted(parameter[2])
        if parameters.setdefault(name, value) != value:
            return None
        end = parameter.end()
    return kind[1].lower() if content_type[end:].strip() in {"", ";"} else None


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
