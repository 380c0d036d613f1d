"""What is said of the mistakes that are made at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.serving.hints import hint_for

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME, ITERATOR = ModelCalling.RUNTIME, ModelCalling.ITERATOR

NO_DICT = TypeError("response of user-model is not dict")


def yields(request: Any, context: Any) -> Any:
    del request, context
    yield {}


@pytest.mark.parametrize(
    ("error", "calling", "function", "words"),
    [
        (
            TypeError("handler() takes 1 positional argument but 2 were given"),
            RUNTIME,
            None,
            "handler(request, context)",
        ),
        (TypeError("f() takes 1 positional argument but 2 were given"), ITERATOR, None, "handler(iterator, context)"),
        (NO_DICT, RUNTIME, print, "returns a dict, such as {'content'"),
        (NO_DICT, RUNTIME, yields, "image='abeja-inc/all-cpu:18.10'"),
        (TypeError("'Inputs' object is not subscriptable"), ITERATOR, None, "image='abeja-inc/all-cpu:19.10'"),
    ],
)
def test_mistakes_that_are_known(
    tmp_path: Path, error: Exception, calling: ModelCalling, function: Any, words: str
) -> None:
    """Each with what to write instead."""
    hint = hint_for(error, calling, tmp_path, function)
    assert hint is not None
    assert words in hint


def test_what_is_missing_in_the_result_directory(tmp_path: Path) -> None:
    """What is there instead, and where to say what ought to be."""
    result = tmp_path / "result"
    result.mkdir()
    error = FileNotFoundError(2, "No such file or directory", str(result / "model.h5"))
    assert "and holds nothing; say where the model is: result_dir=" in str(hint_for(error, RUNTIME, result))
    for name in ("b.txt", "a.txt"):
        (result / name).touch()
    assert "and holds a.txt, b.txt; say" in str(hint_for(error, RUNTIME, result))


def test_other_errors_have_no_hint(tmp_path: Path) -> None:
    """Nor one of the same words, when it is the handler's own call that is wrong."""
    assert hint_for(KeyError("label"), RUNTIME, tmp_path) is None

    def takes_one(one: Any) -> None:
        del one

    with pytest.raises(TypeError) as refused:
        takes_one(1, 2)  # type: ignore[call-arg]
    assert "but 2 were given" in str(refused.value)
    assert hint_for(refused.value, RUNTIME, tmp_path) is None
