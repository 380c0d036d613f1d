"""Which module knows which: no circles, layers that hold, and operations that only the catalogue gathers."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "abeja_emulator" / "services"

#: What puts all services together.
GATHERING = {"catalogue", "openapi"}


def imports(tree: ast.AST, *, types: bool = False) -> Iterator[str]:
    """Yield the dotted names that a module imports, at once or late; with `types` those for annotations alone, too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not types:
            yield from imports(ast.Module(node.orelse, []))
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{each.name}" for each in node.names)
        else:
            yield from imports(node, types=types)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {
    _name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "abeja_emulator").rglob("*.py"))
}


def edges(*, types: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each module of ours with each other one that it imports."""
    for module, tree in TREES.items():
        for name in imports(tree, types=types):
            target = name
            while target and target not in TREES:
                target = target.rpartition(".")[0]
            if target not in {"", module}:
                yield module, target


def room(module: str) -> str:
    """Return the folder of `services/` a module is in, the name of a module beside the folders, or nothing."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["abeja_emulator", "services"] and len(parts) > 2 else ""


def is_records(module: str) -> bool:
    """Whether it says what is kept of something. These know no other room, so that every room may know them."""
    return bool(room(module)) and module.endswith(".records")


def circle(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names along a circle of imports, the first one again at the end, or nothing."""
    graph = defaultdict(set)
    for name, other in pairs:
        graph[name].add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names: list[str] = error.args[1]
        return names[::-1]
    return []


def layers() -> dict[str, int]:
    """Return the modules and folders that the first table of the page names, each with its row."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`.*?) \|", page.partition("## The path of a call")[0], re.MULTILINE)
    return {
        name.rstrip("/").removesuffix(".py"): row
        for row, cell in enumerate(table)
        for name in re.findall(r"`(.+?)`", cell)
    }


def test_modules_go_round_in_no_circle() -> None:
    """No module needs itself by way of others, late imports among them."""
    assert circle(edges()) == []


def test_rooms_go_round_in_no_circle() -> None:
    """Nor does a folder of `services/`; what stands beside the folders counts as one. Records are below all of them."""
    rooms = ((room(module), room(target)) for module, target in edges() if not is_records(target))
    assert circle((one, other) for one, other in rooms if one and other and one != other) == []


def test_records_know_no_other_room() -> None:
    """What is kept is said without any other folder, nor by way of others; that is why rooms may know each other's."""
    graph = defaultdict(set)
    for module, target in edges():
        graph[module].add(target)
    for records in filter(is_records, TREES):
        reached, ahead = set(), {records}
        while ahead:
            reached |= ahead
            ahead = {target for module in ahead for target in graph[module]} - reached
        folders = {room(module) for module in reached if (SERVICES / (room(module) or "-")).is_dir()}
        assert folders - {room(records)} == set(), records


def test_what_rooms_share_knows_no_room() -> None:
    """A module beside the folders knows records at most; only what puts all services together knows the rest."""
    shared = [(module, target) for module, target in edges() if room(module) and not (SERVICES / room(module)).is_dir()]
    wrong = [edge for edge in shared if (SERVICES / (room(edge[1]) or "-")).is_dir() and not is_records(edge[1])]
    assert {room(module) for module, _ in wrong} <= GATHERING, wrong


def test_no_operations_of_another_service() -> None:
    """A service that needs what another one does needs its rules; annotations count as well."""
    wrong = [
        (module, target)
        for module, target in edges(types=True)
        if room(target) and target.rpartition(".")[2].startswith("operations") and room(module) != room(target)
    ]
    assert {room(module) for module, _ in wrong} == {"catalogue"}, wrong


def test_layers_hold() -> None:
    """From `services/` down, imports point down the table of `docs/architecture.md` only."""
    rows = layers()
    wrong = []
    for module, target in edges():
        above, below = (rows.get(f"{name}.".split(".")[1], -1) for name in (module, target))
        # What only knows the package itself asks it for its version.
        if above >= rows["services"] and below < above and target != "abeja_emulator":
            wrong.append((module, target))
    assert wrong == []
    assert rows["cli"] < rows["platform"] < rows["services"] < rows["wire"] < rows["store"] < rows["clock"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import a, b.c", ["a", "b.c"]),
        ("from a.b import c, d", ["a.b.c", "a.b.d"]),
        ("def late():\n    from a import b", ["a.b"]),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", ["b"]),
        ("if typing.TYPE_CHECKING:\n    import a", []),
        ("try:\n    import a\nexcept ImportError:\n    import b", ["a", "b"]),
    ],
)
def test_what_an_import_is(code: str, found: list[str]) -> None:
    """One that happens, whenever it does; those for annotations alone never happen."""
    assert list(imports(ast.parse(code))) == found


def test_what_a_circle_is() -> None:
    """It is found with what it goes through, and a module that two others need is none."""
    assert circle([("a", "b"), ("b", "c"), ("a", "c")]) == []
    assert set(circle([("a", "b"), ("b", "c"), ("c", "b")])) == {"b", "c"}
