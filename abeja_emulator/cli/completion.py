"""`completion`: a script for a shell, made from the parser.

What may follow an option is told from its metavar: FILE, PATH and SOURCE are files, DIR is a folder.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, NamedTuple

from abeja_emulator.cli.exits import DONE
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.parser import PROGRAM, make_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = ("FILE", "PATH", "SOURCE")
_FOLDERS = ("DIR",)


class Word(NamedTuple):
    """What may stand on the command line of a command.

    Attributes:
        names: of the option; empty for what has a place instead.
        help: one sentence.
        values: `none`, `any`, `file`, `folder`, or the words that there are.
    """

    names: tuple[str, ...]
    help: str
    values: str | tuple[str, ...]


class Command(NamedTuple):
    """A command and what may follow it."""

    name: str
    help: str
    words: tuple[Word, ...]


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    Output().line(script(arguments.shell).rstrip("\n"))
    return DONE


def script(shell: str) -> str:
    """Return the completion script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](list(_commands(make_parser())))


def _commands(parser: argparse.ArgumentParser) -> Iterator[Command]:
    for action in parser._actions:  # noqa: SLF001 - argparse shows it in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            for name, made in action.choices.items():
                yield Command(name, helps[name], tuple(map(_word, made._actions)))  # noqa: SLF001


def _word(action: argparse.Action) -> Word:
    values: str | tuple[str, ...] = "any"
    if action.choices is not None:
        values = tuple(map(str, action.choices))
    elif action.nargs == 0:
        values = "none"
    elif action.metavar in _FILES:
        values = "file"
    elif action.metavar in _FOLDERS:
        values = "folder"
    return Word(tuple(action.option_strings), (action.help or "").partition(" (default")[0], values)


def _bash(commands: list[Command]) -> str:
    cases = []
    for command in commands:
        options = " ".join(name for word in command.words for name in word.names)
        valued = [(word.names, word.values) for word in command.words if word.names and word.values != "none"]
        followed = "".join(f"        {'|'.join(names)}) {_bash_reply(values)};;\n" for names, values in valued)
        placed = next((word.values for word in command.words if not word.names), "any")
        cases.append(
            f"""    {command.name})
      case "$previous" in
{followed}        *) if [[ "$current" == -* ]]; then {_bash_reply(tuple(options.split()))}
          else {_bash_reply("file" if placed == "any" else placed)}; fi;;
      esac;;
"""
        )
    names = " ".join(command.name for command in commands)
    return f"""\
# Completion of {PROGRAM} for bash.
_abeja_emulator() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" command="${{COMP_WORDS[1]}}"
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{names} --help --version" -- "$current"))
    return
  fi
  case "$command" in
{"".join(cases)}  esac
}}
complete -o filenames -F _abeja_emulator {PROGRAM}
"""


def _bash_reply(values: str | tuple[str, ...]) -> str:
    if isinstance(values, tuple):
        return f'COMPREPLY=($(compgen -W "{" ".join(values)}" -- "$current"))'
    if values == "file":
        return 'COMPREPLY=($(compgen -f -- "$current"))'
    if values == "folder":
        return 'COMPREPLY=($(compgen -d -- "$current"))'
    return "COMPREPLY=()"


def _zsh(commands: list[Command]) -> str:
    described = "\n".join(f"    {shlex.quote(f'{command.name}:{command.help}')}" for command in commands)
    cases = []
    for command in commands:
        lines = []
        for word in command.words:
            if not word.names:
                lines.append(shlex.quote(f"*:{_zsh_text(word.help)}:{_zsh_values(word.values)}"))
            for name in word.names:
                value = "" if word.values == "none" else f":{name.lstrip('-')}:{_zsh_values(word.values)}"
                lines.append(shlex.quote(f"*{name}[{_zsh_text(word.help)}]{value}"))
        cases.append(f"    {command.name}) _arguments {' '.join(lines)};;\n")
    return f"""\
#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh.
_abeja_emulator() {{
  local -a commands
  commands=(
{described}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{"".join(cases)}  esac
}}
_abeja_emulator "$@"
"""


def _zsh_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def _zsh_values(values: str | tuple[str, ...]) -> str:
    if isinstance(values, tuple):
        return f"({' '.join(values)})"
    return {"file": "_files", "folder": "_files -/"}.get(values, " ")


def _fish(commands: list[Command]) -> str:
    lines = [
        f"# Completion of {PROGRAM} for fish.",
        f"complete -c {PROGRAM} -f",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l help -l version",
    ]
    for command in commands:
        lines.append(f"complete -c {PROGRAM} -n __fish_use_subcommand -a {command.name} -d {_fish_text(command.help)}")
        inside = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.name}'"
        for word in command.words:
            names = "".join(f" -{'l' if name.startswith('--') else 's'} {name.lstrip('-')}" for name in word.names)
            lines.append(f"{inside}{names}{_fish_values(word.values)} -d {_fish_text(word.help)}")
    return "\n".join(lines) + "\n"


def _fish_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_values(values: str | tuple[str, ...]) -> str:
    if isinstance(values, tuple):
        return f" -x -a {_fish_text(' '.join(values))}"
    return {"none": "", "any": " -x", "file": " -r -F", "folder": " -x -a '(__fish_complete_directories)'"}[values]
