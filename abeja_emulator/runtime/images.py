"""Images: which way of calling a handler each of them has (behaviour.md, 1.3 and 1.4)."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Tags of the first generation (`abejacli/config/__init__.py`, TAG_VERSION_SAMPV1).
_OBJECT_TAGS = ("0.1.0", "0.1.0-arm64v8", "0.1.0-arm32v7", "18.10")

_DATED = re.compile(r"(\d\d)\.(\d\d)")


class Calling(enum.Enum):
    """What a training handler is, and what it is called with."""

    #: `handler(context)` with `context.datasets`, up to 18.10.
    OBJECT = "object"
    #: `handler(context)` with `context["datasets"]`, from 19.04 on.
    DICT = "dict"
    #: No function: the module is the program; the image whose tag ends in `20.02a`.
    SCRIPT = "script"


class ModelCalling(enum.Enum):
    """What a model handler is called with (behaviour.md, 2.1)."""

    #: `handler(iterator, context)`, which yields its results, up to 18.10.
    ITERATOR = "iterator"
    #: `handler(request, context)`, which returns a response, from 19.04 on.
    RUNTIME = "runtime"

    @staticmethod
    def of(calling: Calling) -> ModelCalling:
        """Return how an image calls a model handler, by how it calls a training handler."""
        return ModelCalling.ITERATOR if calling is Calling.OBJECT else ModelCalling.RUNTIME


class Context:
    """The context of images up to 18.10.

    Attributes:
        datasets: alias → dataset id.
    """

    def __init__(self, datasets: dict[str, str], others: Mapping[str, Any] | None = None) -> None:
        vars(self).update(others or {})
        self.datasets = datasets

    def __repr__(self) -> str:
        return f"Context(datasets={self.datasets!r})"


def calling_of(image: str) -> Calling:
    """Return how an image calls a training handler; an image of an unknown tag calls with a dict."""
    if image.endswith("20.02a"):
        return Calling.SCRIPT
    tag = image.rpartition("/")[2].partition(":")[2]
    dated = _DATED.match(tag)
    if tag in _OBJECT_TAGS or (dated is not None and (int(dated[1]), int(dated[2])) <= (18, 10)):
        return Calling.OBJECT
    return Calling.DICT


def hint_for(error: BaseException, calling: Calling) -> str | None:
    """Return what to do about an error of a handler that was written for images of the other generation."""
    if not isinstance(error, (AttributeError, TypeError)):
        return None
    if calling is Calling.DICT and "'dict' object has no attribute 'datasets'" in str(error):
        return (
            "abeja-emulator: images from 19.04 on call a handler with a dict: write context['datasets'], "
            "or run this one as its image does, with image='abeja-inc/all-cpu:18.10'"
        )
    if calling is Calling.OBJECT and "'Context' object is not subscriptable" in str(error):
        return (
            "abeja-emulator: images up to 18.10 call a handler with an object: write context.datasets, "
            "or run this one as its image does, with image='abeja-inc/all-cpu:19.10'"
        )
    return None


def make_context(calling: Calling, datasets: dict[str, str], others: dict[str, Any] | None = None) -> Any:
    """Return the context of a job.

    Args:
        calling: the image's way.
        datasets: alias → dataset id.
        others: further entries, from the variable `CONTEXT`.
    """
    if calling is Calling.OBJECT:
        return Context(dict(datasets), others)
    return {**(others or {}), "datasets": dict(datasets)}
