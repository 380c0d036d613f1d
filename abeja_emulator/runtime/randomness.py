"""Random numbers of a job in this process, which repeat from run to run when a seed is given."""

from __future__ import annotations

import random
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

#: How many seeds NumPy takes.
_NUMPY_SEEDS = 2**32


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed `random` and NumPy's generator as the launcher does for a child, and put both back afterwards.

    Args:
        seed: any integer; with None nothing is done.
    """
    if seed is None:
        yield
        return
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        random.seed(seed)
        if find_spec("numpy") is not None:
            # A handler may import it for the first time, and it must be seeded by then.
            import numpy as np  # noqa: PLC0415 - slow, and not everybody's

            stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002 - what handlers use
            np.random.seed(seed % _NUMPY_SEEDS)  # noqa: NPY002 - the same
        yield


class OwnNumbers:
    """Random numbers of one who comes and goes: they begin with a seed, and go on where they were.

    Args:
        seed: any integer; with None nothing is done.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._states: list[tuple[Callable[[Any], object], Any]] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the generators be his for a while."""
        with seeded(self._seed):
            for put_back, state in self._states:
                put_back(state)
            try:
                yield
            finally:
                self._states = [] if self._seed is None else list(_states())


def _states() -> Iterator[tuple[Callable[[Any], object], Any]]:
    """Yield what puts each generator back, and its state."""
    yield random.setstate, random.getstate()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        yield numpy.random.set_state, numpy.random.get_state()


def seed_of(text: str) -> int:
    """Return a seed that somebody wrote.

    Raises:
        ValueError: when it is no integer from 0 on.
    """
    if not (text.isascii() and text.isdigit()):
        message = f"{text!r} is no seed of random numbers: it is an integer from 0 on, such as 42"
        raise ValueError(message)
    return int(text)
