"""What is wrong with the name of a handler is told from the files alone, and nothing is called wrong that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.runtime.handler_names import file_of, modules_of, suggestion, wrong_with

if TYPE_CHECKING:
    from pathlib import Path

BUG = "def handler(context): pass\ndef other(context): pass\ndef _private(context): pass\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a module, a package with another one, and a file that is no module."""
    (tmp_path / "bug.py").write_text(BUG, encoding="utf-8")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "train.py").write_text(BUG, encoding="utf-8")
    (tmp_path / "not-one.py").touch()
    return tmp_path


def what(name: str, root: Path) -> str:
    """Return the sentence that is said of a name."""
    wrong = wrong_with(name, root)
    assert wrong is not None
    return wrong.what


@pytest.mark.parametrize("name", ["bug:handler", "bug:other", "bug:_private", "pkg.train:handler"])
def test_a_handler_that_is_there(root: Path, name: str) -> None:
    """Nothing is said of it, also when it is private or in a package."""
    assert wrong_with(name, root) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("bug.py:handler", "bug:handler"),
        ("bug.py", "bug:handler"),
        ("./bug.py:other", "bug:other"),
        ("pkg/train.py:handler", "pkg.train:handler"),
        ("bug.handler", "bug:handler"),
        ("pkg.train.other", "pkg.train:other"),
        ("pkg.train", "pkg.train:handler"),
        ("bug", "bug:handler"),
        ("bug:", "bug:handler"),
        ("bug:other:more", "bug:other"),
        ("bugg:handler", "bug:handler"),
        ("pkg.trian:handler", "pkg.train:handler"),
    ],
)
def test_what_was_meant(root: Path, name: str, meant: str) -> None:
    """The name of a file, a dot for the colon, too much, too little, or a letter too many."""
    assert suggestion(name, [root]) == meant
    assert meant in what(name, root)


def test_a_module_that_is_not_there(root: Path) -> None:
    """It is said what is there; it may be somewhere else, and which module that would be is told apart."""
    wrong = wrong_with("else.where:handler", root)
    assert wrong is not None
    assert wrong.module == "else"
    assert "there is no module 'else.where'" in wrong.what
    inside = wrong_with("bug.more:handler", root)
    assert inside is not None
    assert inside.module is None, "its package is here, so that it is nowhere else"
    assert "what is there: bug, pkg" in what("zzz:handler", root)
    assert "there is none at all" in what("zzz:handler", root / "pkg" / "nowhere")
    assert suggestion("zzz:handler", [root]) is None


def test_a_function_that_is_not_there(root: Path) -> None:
    """Public functions of the module are named, and the one that is meant; nothing else of it may be wrong."""
    said = what("bug:handlr", root)
    assert said.endswith("bug.py) has no function 'handlr'; its functions are handler, other; did you mean 'handler'?")
    wrong = wrong_with("bug:handlr", root)
    assert wrong is not None
    assert wrong.module is None
    assert what("pkg:handler", root).endswith("has no function 'handler'; it has no functions")


@pytest.mark.parametrize(
    "code",
    [
        "from elsewhere import handler\n",
        "from elsewhere import *\n",
        "import handler.deep\n",
        "handler = print\n",
        "handler: object = print\n",
        "first, (handler, *rest) = made()\n",
        "if True:\n    def handler(context): pass\n",
        "try:\n    import fast\nexcept ImportError:\n    def handler(context): pass\n",
        "for handler in [print]:\n    pass\n",
        "with made() as handler:\n    pass\n",
        "class handler:\n    pass\n",
        "async def handler(context): pass\n",
        "if (handler := made()):\n    pass\n",
        "def make():\n    global handler\n    handler = print\nmake()\n",
        "globals()['handler'] = print\n",
        "exec('def handler(context): pass')\n",
        "import sys\nsys.modules[__name__].handler = print\n",
        "def __getattr__(name):\n    return print\n",
        "def handler(context)\n",
        "\0",
        "\xff",
    ],
)
def test_what_may_be_there(root: Path, code: str) -> None:
    """However the name is made, and where the module cannot be read, which its import says better."""
    (root / "odd.py").write_bytes(code.encode("latin-1"))
    assert wrong_with("odd:handler", root) is None


@pytest.mark.parametrize(
    "code",
    [
        "def other():\n    handler = 1\n",
        "class Model:\n    def handler(self): pass\n",
        "print(handler)\n",
        "model = None\ndef load():\n    global model\n    model = 1\n",
    ],
)
def test_what_cannot_be_there(root: Path, code: str) -> None:
    """A name of a function's own or of a class's, or one that is only read, is no handler."""
    (root / "odd.py").write_text(code, encoding="utf-8")
    assert "has no function 'handler'" in what("odd:handler", root)


def test_a_program(root: Path) -> None:
    """An image that runs programs takes a module without a function, with or without its ending."""
    assert wrong_with("bug", root, script=True) is None
    assert wrong_with("bug.py", root, script=True) is None
    wrong = wrong_with("bugg.py", root, script=True)
    assert wrong is not None
    assert wrong.what.endswith("did you mean bug?")


def test_names_of_modules(root: Path) -> None:
    """Those that can be imported, of a folder and of a package; of no folder none."""
    assert modules_of(root) == ["bug", "pkg"]
    assert modules_of(root, "pkg") == ["pkg.train"]
    assert modules_of(root / "nowhere") == []
    assert file_of(root, "") is None
    assert file_of(root, "x" * 300) is None
