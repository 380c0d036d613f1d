"""Write what a new operation begins as: its declaration with its rule, and a test that fails until there is one.

`python tools/new_operation.py GET '/organizations/{organization_id}/robots/{robot_id}' get_robot --service robots`

Where the `operations.py` of a service only gathers those of other modules, it goes into one of these, or a new one.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: Length of a line.
_WIDTH = 120

_END = "OPERATIONS = operations_in(globals())\n"

#: What a service begins as, and a module that it gathers from.
_OPERATIONS = '''\
"""Operations on {subject}."""

import msgspec

from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

OPERATIONS = operations_in(globals())
'''

_TEST = '''\
"""What {name} does, and what it changes in the answers of the other operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.services.wire import check_answer

if TYPE_CHECKING:
    from tests.services.wire import Wire


def test_{name}(wire: Wire) -> None:
    """Say which property this holds; put there first what the path names."""
    response = wire("{method}", "{path}"{sent})
    assert response.status_code == 200, response.text
    check_answer("{name}", response.json())
'''


class New(NamedTuple):
    """The operation to be.

    Attributes:
        method: of HTTP.
        path: its template.
        name: its name, and that of its function.
        service: the folder it goes to.
        source: where it is known from.
        noun: what it is about, where the modules of the service are named after that; empty: what its path names.
    """

    method: str
    path: str
    name: str
    service: str
    source: str
    noun: str = ""

    @property
    def has_body(self) -> bool:
        """Whether clients send something."""
        return self.method in {"POST", "PUT", "PATCH"}


def declaration(new: New) -> str:
    """Return its types, its declaration, and its rule, which refuses until it is written."""
    shape = "".join(word.title() for word in new.name.split("_"))
    types = [(f"{shape}Body", "What a client sends")] * new.has_body + [(f"{shape}Answer", "What is answered")]
    errors = [400] * new.has_body + [401, 403] + [404] * ("{" in new.path)
    body = types[0][0] if new.has_body else "None"
    lines = [
        "@operation(",
        f'    "{new.method}",',
        f'    "{new.path}",',
        *([f"    body={body},"] if new.has_body else []),
        f"    answer={shape}Answer,",
        f"    errors=({', '.join(map(str, errors))}),",
        "    evidence=Evidence.INFERRED,",
        f'    source="{new.source}",',
        ")",
        f"def {new.name}(call: Call[None, {body}]) -> {shape}Answer:",
        '    """Say in one sentence what it does."""',
        f'    message = f"{new.name} of {{call.path}} is declared, and its rule is still to be written"',
        "    raise NotEmulated(message)",
    ]
    classes = [
        f'class {name}(msgspec.Struct):\n    """{what}; name each field with its type."""' for name, what in types
    ]
    return "\n\n\n".join([*classes, "\n".join(lines)])


def write(new: New, root: Path) -> list[Path]:
    """Write all of it below `root` and return the files that are new or changed.

    Raises:
        SystemExit: when the service has an operation of that name, or none at all, or it is not clear which of its
            modules is meant.
    """
    folder, tests = root / "abeja_emulator" / "services" / new.service, root / "tests" / "services" / new.service
    there = {path: path.read_text(encoding="utf-8") for path in folder.glob("operations*.py")}
    test = tests / f"test_{new.name}.py"
    if any(re.search(rf"^def {new.name}\(", text, re.MULTILINE) for text in there.values()) or test.exists():
        sys.exit(f"{new.service} has an operation {new.name} already")
    if folder.exists() and not there:
        sys.exit(f"{new.service} is what other services share and has no operations; name another service")
    operations = _module(new, folder, there)
    entered = [] if folder.exists() else [_begin(root, new.service)]
    if there and operations not in there:
        entered.append(_gather(operations))
    subject = operations.stem.partition("_")[2] or new.service
    text = there.get(operations, _OPERATIONS.format(subject=subject.replace("_", " ")))
    before, end, after = _importing(text).rpartition(_END)
    operations.write_text(f"{before.rstrip()}\n\n\n{declaration(new)}\n\n\n{end}{after}", encoding="utf-8")
    path, sent = new.path.replace("{organization_id}", "{org}"), ", json={}" * new.has_body
    test.write_text(_TEST.format(name=new.name, method=new.method, path=path, sent=sent), encoding="utf-8")
    return [*entered, operations, test]


def _module(new: New, folder: Path, there: dict[Path, str]) -> Path:
    """Return the module of the operation; without a noun that of the last word of the path that has one.

    Raises:
        SystemExit: when no word has one, or there is a noun and nothing is gathered.
    """
    whole = folder / "operations.py"
    if _END in there.get(whole, _END):
        if new.noun:
            sys.exit(f"the operations.py of {new.service} gathers no others; leave --noun out")
        return whole
    nouns = {path.stem.partition("_")[2] for path in there} - {""}
    noun = new.noun or next((word for word in reversed(new.path.split("/")) if word in nouns), None)
    if noun is None:
        sys.exit(
            f"the operations.py of {new.service} gathers those on {', '.join(sorted(nouns))}, and the path names none "
            "of these; say --noun with one of them or a new one"
        )
    return folder / f"operations_{noun}.py"


def _gather(module: Path) -> Path:
    """Let the `operations.py` beside a new module gather from it, and return that."""
    gatherer, noun = module.with_name("operations.py"), module.stem.partition("_")[2].upper()
    dotted = f"abeja_emulator.services.{module.parent.name}.{module.stem}"
    text = _with_import(gatherer.read_text(encoding="utf-8"), f"from {dotted} import OPERATIONS as {noun}\n")
    before, assigned, names = text.partition("OPERATIONS = (")
    names, end, after = names.partition(")")
    every = [*(name.strip() for name in names.split(",") if name.strip()), f"*{noun}"]
    gatherer.write_text(f"{before}{assigned}{_lined_up(every)}{end}{after}", encoding="utf-8")
    return gatherer


def _lined_up(names: list[str]) -> str:
    """Return the inside of a tuple, on one line if that is short enough."""
    line = ", ".join(names)
    return line if len(f"OPERATIONS = ({line})") <= _WIDTH else "".join(f"\n    {name}," for name in names) + "\n"


def _importing(text: str) -> str:
    """Return a module with what it needs to import for a rule that is not written yet, and its types."""
    line = re.search(r"^from abeja_emulator\.errors import (.*)\n", text, re.MULTILINE)
    if line is not None:
        names = ", ".join(sorted({*line[1].split(", "), "NotEmulated"}))
        text = text.replace(line[0], f"from abeja_emulator.errors import {names}\n", 1)
    else:
        text = _with_import(text, "from abeja_emulator.errors import NotEmulated\n")
    if not re.search(r"^import msgspec\n", text, re.MULTILINE):
        text = re.sub(r"^from abeja_emulator\.", "import msgspec\n\n\\g<0>", text, count=1, flags=re.MULTILINE)
    return text


def _with_import(text: str, line: str) -> str:
    """Return a module with another import of ours, in its place among them."""
    imports = re.findall(r"^from abeja_emulator\.[^(]*?\n|^from abeja_emulator\.[^)]*?\)\n", text, re.MULTILINE)
    later = next((each for each in imports if each > line), None)
    if later is None:
        return text.replace(imports[-1], imports[-1] + line, 1)
    return text.replace(later, line + later, 1)


def _begin(root: Path, service: str) -> Path:
    """Make the folders of a new service, let the catalogue know of it, and return the catalogue."""
    title = service.replace("_", " ")
    for folder, words in (("abeja_emulator", title.capitalize()), ("tests", f"Tests of {title}")):
        made = root / folder / "services" / service
        made.mkdir()
        (made / "__init__.py").write_text(f'"""{words}."""\n', encoding="utf-8")
    catalogue = root / "abeja_emulator" / "services" / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    line = f"from abeja_emulator.services.{service}.operations import OPERATIONS as {service.upper()}\n"
    last = re.findall(r"^        \*\w+,\n", text, re.MULTILINE)[-1]
    text = _with_import(text, line).replace(last, f"{last}        *{service.upper()},\n", 1)
    catalogue.write_text(text, encoding="utf-8")
    return catalogue


def main() -> None:
    """Write an operation into the project, or into a copy of it."""
    parser = argparse.ArgumentParser(
        description=dedent(__doc__ or ""), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("path", help="its template, in quotes")
    parser.add_argument("name", help="as the SDK calls it: get_robot")
    parser.add_argument("--service", required=True, help="the folder in abeja_emulator/services; a new one is made")
    parser.add_argument("--noun", default="", help="the module operations_<noun>.py of a service that has such")
    parser.add_argument("--source", default="to be named", help="where it is known from, such as a file of the SDK")
    parser.add_argument("--root", type=Path, default=ROOT, help="another copy of the project")
    given = parser.parse_args()
    for what, text in [("name", given.name), ("service", given.service), *[("noun", given.noun)] * bool(given.noun)]:
        if not (text.isidentifier() and text.islower()):
            parser.error(f"{text!r} is no {what}: small letters, digits and _")
    if not given.path.startswith("/"):
        parser.error(f"the path {given.path!r} does not begin with /")
    new = New(given.method, given.path, given.name, given.service, given.source, given.noun)
    for path in write(new, given.root):
        print(path.relative_to(given.root))


if __name__ == "__main__":
    main()
