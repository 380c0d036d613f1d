"""List the calls that the installed abeja-sdk and abejacli make, and fail on one that is neither emulated nor a limit.

`python tools/check_drift.py [folder …]` reads the sources of the packages `abeja` in this environment and `abejacli` in
`.venv-clients/cli`, or of the folders that are named; nothing of them is imported. `--list` shows every call it found.
"""

from __future__ import annotations

import argparse
import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.operations import Base
from abeja_emulator.wire.routing import Router

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]

#: What names mean whose value is only known when the client runs.
ADDRESSES = {
    "ABEJA_API_URL": "",
    "BASE_URL": "",
    "ORGANIZATION_ENDPOINT": "/organizations/{}",
    "WEB_API_ENDPOINT": "<organization>",
}

#: Functions that take the URL first and have the method in their name.
VERBS = {"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE"}

#: What the clients themselves serve, or other hosts do: a call of them has one of these in its URL.
NOT_THE_PLATFORM = ("localhost", "health_check", "github.com", "docker")

UNKNOWN = "{}"


class ClientCall(NamedTuple):
    """One call in a client's source.

    Attributes:
        place: file and line.
        method: HTTP method.
        paths: the templates that its path can have; `{}` stands for what is only known when it is called. More than
            one means that which it is depends on a condition that was asked before.
    """

    place: str
    method: str
    paths: tuple[str, ...]


class Strings:
    """What expressions can be, as texts, at one place of a function.

    Args:
        known: name → the texts it can be.
    """

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self.known = {name: list(values) for name, values in known.items()}

    def assign(self, statement: ast.stmt) -> None:
        """Take in what a name is assigned by a statement."""
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and target.id not in ADDRESSES:
                self.known[target.id] = self.of(statement.value)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            texts = self._named(statement.target.id)
            self.known[statement.target.id] = [a + b for a in texts for b in self.of(statement.value)]

    def merge(self, branches: Sequence[Strings]) -> None:
        """Take in that one of these has happened."""
        for name in {name for branch in branches for name in branch.known}:
            texts = [text for branch in branches for text in branch.known.get(name, [])]
            self.known[name] = list(dict.fromkeys(texts))

    def _named(self, name: str) -> list[str]:
        return self.known.get(name) or [UNKNOWN]

    def of(self, node: ast.AST) -> list[str]:  # noqa: PLR0911 - one line for each form of a text
        """Return the texts that an expression can be."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else [UNKNOWN]
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            return self._named(node.attr)
        if isinstance(node, ast.JoinedStr):
            return self._joined([part.value if isinstance(part, ast.FormattedValue) else part for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return [text.replace("%s", UNKNOWN).replace("%d", UNKNOWN) for text in self.of(node.left)]
        if isinstance(node, ast.IfExp):
            return self.of(node.body) + self.of(node.orelse)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._called(node, node.func)
        return [UNKNOWN]

    def _called(self, node: ast.Call, function: ast.Attribute) -> list[str]:
        texts = self.of(function.value)
        if function.attr == "format":
            given = [self.of(argument)[0] for argument in node.args]
            named = {keyword.arg: self.of(keyword.value)[0] for keyword in node.keywords if keyword.arg}
            return [_formatted(text, given, named) for text in texts]
        if function.attr == "replace" and len(node.args) == 2:  # noqa: PLR2004 - old and new
            old, new = (self.of(argument)[0] for argument in node.args)
            return [text.replace(old, new) for text in texts]
        return [UNKNOWN]

    def _joined(self, parts: list[ast.expr]) -> list[str]:
        texts = [""]
        for part in parts:
            texts = [text + more for text in texts for more in self.of(part)]
        return texts


def _formatted(text: str, given: list[str], named: dict[str, str]) -> str:
    try:
        return text.format(*given, **named)
    except (IndexError, KeyError, ValueError):
        return text


def calls_of(package: Path) -> Iterator[ClientCall]:
    """Yield the calls in the sources of a package."""
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = Strings({name: [value] for name, value in ADDRESSES.items()})
        for statement in tree.body:
            module.assign(statement)
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for line, method, paths in _calls_in(function.body, Strings(module.known)):
                    yield ClientCall(f"{path.relative_to(package.parent)}:{line}", method, paths)


def _calls_in(body: Sequence[ast.stmt], strings: Strings) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield line, method and paths of the calls in a block, each with what is known where it stands."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        blocks = [block for name in ("body", "orelse", "finalbody") if (block := getattr(statement, name, None))]
        blocks += [handler.body for handler in getattr(statement, "handlers", [])]
        inner = {id(node) for block in blocks for each in block for node in ast.walk(each)}
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and id(node) not in inner:
                yield from _call(node, strings)
        strings.assign(statement)
        branches = [Strings(strings.known) for _ in blocks]
        for block, branch in zip(blocks, branches):
            yield from _calls_in(block, branch)
        # An `if` without an `else` may not have happened; what is assigned in a `with` or a `try` has.
        unless = [Strings(strings.known)] if isinstance(statement, ast.If) and not statement.orelse else []
        if branches:
            strings.merge([*branches, *unless])


def _call(node: ast.Call, strings: Strings) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield what may be a call of the platform."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    arguments = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in {"api_request", "service_request", "request"}:
        method = arguments.get("method") or next(iter(node.args), None)
        url = arguments.get("path") or arguments.get("url") or next(iter(node.args[1:]), None)
        methods = [] if method is None else strings.of(method)
    else:
        verb = name[len("api_") :].replace("_data", "") if name.startswith("api_") else name
        url = next(iter(node.args), None) or arguments.get("url")
        methods = [VERBS[verb]] if verb in VERBS else []
    if url is None:
        return
    paths = dict.fromkeys(text.partition("?")[0] for text in strings.of(url))
    found = tuple(path for path in paths if path.startswith(("/", "<organization>")))
    if found and not any(word in path for path in found for word in NOT_THE_PLATFORM):
        yield from ((node.lineno, method, found) for method in methods if method.isupper())


def answered(router: Router, call: ClientCall) -> bool:
    """Tell whether the catalogue has an operation for a call, emulated or listed as a limit."""
    return any(_is_known(router, call.method, path) for path in call.paths)


def _is_known(router: Router, method: str, path: str) -> bool:
    base = Base.ORGANIZATION if path.startswith("<organization>") else Base.API
    if base is Base.ORGANIZATION:
        path = path[len("<organization>") :]
    return router.route(base, method, path.replace(UNKNOWN, "x")).operation is not None


def packages() -> list[Path]:
    """Return the folders of the clients that are installed."""
    spec = find_spec("abeja")
    found = [] if spec is None or spec.origin is None else [Path(spec.origin).parent]
    return found + sorted((ROOT / ".venv-clients" / "cli").glob("lib/python3*/site-packages/abejacli"))


def main() -> None:
    """Compare the calls of all clients with the catalogue."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="folder", help="of a package, such as abeja")
    parser.add_argument("--list", action="store_true", help="show every call, not only those without an operation")
    arguments = parser.parse_args()
    router = Router(all_operations())
    unanswered = 0
    for package in arguments.folders or packages():
        calls = list(calls_of(package))
        if not calls:
            sys.exit(f"{package} has no call in it; is it a client of the platform?")
        lost = [call for call in calls if not answered(router, call)]
        unanswered += len(lost)
        for call in calls if arguments.list else lost:
            shown = " or ".join(call.paths)
            print(f"{call.place}: {call.method} {shown}{' is no operation here' if call in lost else ''}")
        print(f"{package.name}: {len(calls)} calls, {len(lost)} of them are neither emulated nor listed as a limit")
    if unanswered:
        sys.exit("declare them in abeja_emulator/services, or list them in abeja_emulator/services/limits.py")


if __name__ == "__main__":
    main()
