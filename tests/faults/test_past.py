"""The state before the last change: one copy, as long as somebody needs it."""

from __future__ import annotations

from abeja_emulator.faults.past import Past


class Copied:
    """A copy that knows whether it was let go of."""

    def __init__(self) -> None:
        self.forgotten = 0

    def forget(self) -> None:
        """Count."""
        self.forgotten += 1


def test_the_last_copy_is_kept_and_no_other() -> None:
    """An earlier one is let go of, once."""
    past, first, second = Past(), Copied(), Copied()
    assert not past
    past.keep(first)
    past.keep(second)
    assert past
    assert (first.forgotten, second.forgotten) == (1, 0)
    past.forget()
    assert not past
    assert (first.forgotten, second.forgotten) == (1, 1)


def test_a_copy_stays_while_an_answer_is_made_of_it() -> None:
    """Whatever another thread changes meanwhile; the next answer is made of the new one."""
    past, first, second = Past(), Copied(), Copied()
    past.keep(first)
    with past.shown() as shown, past.shown() as again:
        assert shown is again is first
        past.keep(second)
        with past.shown() as later:
            assert later is second
        assert (first.forgotten, second.forgotten) == (0, 0)
    assert (first.forgotten, second.forgotten) == (1, 0)


def test_where_none_is_kept_there_is_nothing_to_show() -> None:
    """It may have been forgotten a moment ago."""
    with Past().shown() as shown:
        assert shown is None
