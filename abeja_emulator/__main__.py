"""`python -m abeja_emulator` is the command `abeja-emulator`."""

from __future__ import annotations

import sys

from abeja_emulator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
