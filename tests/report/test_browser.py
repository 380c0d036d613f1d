"""The report page in a real browser: its curves are there to be seen. Needs Chromium; skipped without it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from abeja_emulator.report.curves import STYLES
from abeja_emulator.report.page import page
from tests.report.records import failed, learned

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1100,900",
)

#: A curve of three points over a picture as wide as this covers more pixels than that.
SEEN = 300


def colours(picture: Path) -> dict[str, int]:
    """Return how many pixels there are of each colour, `#rrggbb`."""
    image = Image.open(picture).convert("RGB")
    found: Any = image.getcolors(image.width * image.height) or []
    return {f"#{red:02x}{green:02x}{blue:02x}": count for count, (red, green, blue) in found}


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_the_curves_are_seen(tmp_path: Path) -> None:
    """One line in the colour of each stage, and none on a page of jobs without statistics."""
    assert CHROMIUM is not None
    counts = {}
    for name, record in (("learned", learned()), ("failed", failed())):
        (tmp_path / f"{name}.html").write_text(page([record]), encoding="utf-8")
        picture = tmp_path / f"{name}.png"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *OPTIONS, profile, f"--screenshot={picture}", (tmp_path / f"{name}.html").as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        found = colours(picture)
        counts[name] = [found.get(colour, 0) for colour, _ in STYLES[:2]]

    assert all(count > SEEN for count in counts["learned"]), counts
    assert all(count < SEEN for count in counts["failed"]), counts
