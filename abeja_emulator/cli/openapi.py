"""`abeja-emulator openapi`: the API of the platform as a document, or as a page for a browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.services.openapi import platform_openapi
from abeja_emulator.wire.openapi_page import page

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Write it to a file, whose name says which, or print it."""
    document = platform_openapi()
    is_page = arguments.html or str(arguments.file or "").endswith((".html", ".htm"))
    text = page(document) if is_page else json.dumps(document, indent=2) + "\n"
    if arguments.file is None:
        sys.stdout.write(text)
    else:
        Path(arguments.file).write_text(text, encoding="utf-8")
    return 0
