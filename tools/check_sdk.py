"""Check that the abeja-sdk of this environment is one of today: from Python 3.12 on pip takes one of 2021."""

from __future__ import annotations

import sys
from importlib import metadata

OLDEST = (2, 3)

version = metadata.version("abeja-sdk")
if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
    sys.exit(
        f"abeja-sdk {version} was installed, and 2.3 or later is wanted. Its releases since 2022 say that they need a "
        "Python before 3.12, and pip then takes the newest that does not say so; uv does not mind"
    )
print(f"abeja-sdk {version}")
