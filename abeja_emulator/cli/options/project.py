"""Commands that need no server: `doctor`, `init`, `openapi` and `completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.options.shared import add_json, add_url

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands


def add_doctor(commands: Commands) -> None:
    """Add `doctor`."""
    parser = commands.add("doctor", "look for what will not work here, and say what to do about it")
    add_url(parser)
    add_json(parser, "print the findings as JSON")


def add_init(commands: Commands) -> None:
    """Add `init`."""
    parser = commands.add("init", "write a starter: a handler, its test, a seed file and training.yaml")
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (default: this folder)")
    add_json(parser, "print the names of the files as JSON")


def add_openapi(commands: Commands) -> None:
    """Add `openapi`."""
    parser = commands.add("openapi", "write the platform's API down, as OpenAPI 3.1 or as a page for a browser")
    parser.add_argument("file", nargs="?", metavar="FILE", help="where, api.json or api.html; stdout by default")
    parser.add_argument("--html", action="store_true", help="the page, whatever the file is called")


def add_completion(commands: Commands) -> None:
    """Add `completion`."""
    parser = commands.add(
        "completion",
        "print a completion script for a shell",
        epilog="""\
  bash: eval "$(abeja-emulator completion bash)", in ~/.bashrc
  zsh:  abeja-emulator completion zsh > "${fpath[1]}/_abeja-emulator"
  fish: abeja-emulator completion fish > ~/.config/fish/completions/abeja-emulator.fish
""",
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell")
