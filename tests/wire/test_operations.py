"""How operations are declared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.operations import (
    Access,
    Base,
    DuplicateOperationError,
    Evidence,
    Operation,
    operation,
    operations_in,
    unique,
)

OPERATIONS = all_operations()
EMULATED = [declared for declared in OPERATIONS if declared.rule is not None]


def rule(call: Any) -> Any:
    """Do something.

    More of it.
    """


class TestDeclaration:
    """`@operation`."""

    def test_takes_its_name_and_words_from_the_function(self) -> None:
        """And its service from the folder."""
        declare = operation("GET", "/a/{x}", evidence=Evidence.CLIENT, source="somewhere", errors=(404,))
        declared = declare(rule)
        assert (declared.name, declared.summary, declared.rule) == ("rule", "Do something.", rule)
        assert (declared.method, declared.path, declared.errors) == ("GET", "/a/{x}", (404,))
        assert declared.service == __name__.split(".")[-2]
        assert not declared.writes

    def test_everything_but_get_writes(self) -> None:
        """So that any other method runs in a transaction."""
        assert all(Operation("x", method, "/").writes for method in ("POST", "PUT", "PATCH", "DELETE"))

    def test_without_a_rule(self) -> None:
        """An operation that is not emulated has no summary."""
        assert Operation("x", "GET", "/").summary == ""

    def test_found_among_names(self) -> None:
        """In the order of their declaration, and nothing else."""
        second, first = Operation("b", "GET", "/b"), Operation("a", "GET", "/a")
        assert operations_in({"x": 1, "second": second, "y": "text", "first": first}) == (second, first)


class TestUnique:
    """No two operations are the same."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("a", "GET", "/x"), ("a", "GET", "/y")),
            (("a", "GET", "/x"), ("b", "GET", "/x")),
            (("a", "GET", "/x/{p}/y"), ("b", "GET", "/x/{q}/y")),
        ],
        ids=["name", "path", "path but for the names of its variables"],
    )
    def test_duplicates_are_refused(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
        """By name, or by method and path."""
        with pytest.raises(DuplicateOperationError, match=r"^b and a are both|^a and a are both"):
            unique([Operation(*one), Operation(*other)])

    def test_others_are_not(self) -> None:
        """Another method, another place of the variable, or another host makes another operation."""
        several = (
            Operation("a", "GET", "/x/{p}"),
            Operation("b", "PUT", "/x/{p}"),
            Operation("c", "GET", "/{p}/x"),
            Operation("d", "GET", "/x/{p}", base=Base.ORGANIZATION),
        )
        assert unique(iter(several)) == several


class TestCatalogue:
    """Every operation there is."""

    @pytest.mark.parametrize("declared", OPERATIONS, ids=lambda declared: f"{declared.service}-{declared.name}")
    def test_well_formed(self, declared: Operation) -> None:
        """A method of HTTP, a path of segments with distinct variables, and a source."""
        assert re.fullmatch(r"GET|POST|PUT|PATCH|DELETE", declared.method)
        assert re.fullmatch(r"(/[\w.-]+|/\{\w+\})+", declared.path)
        assert declared.source
        variables = re.findall(r"\{(\w+)\}", declared.path)
        assert len(variables) == len(set(variables))

    @pytest.mark.parametrize("declared", EMULATED, ids=lambda declared: declared.name)
    def test_errors_of_what_every_call_goes_through(self, declared: Operation) -> None:
        """A credential can be refused, a signature can; what a client sends can be wrong."""
        assert declared.summary
        assert set(declared.errors) <= {400, 401, 403, 404, 409, 413, 501}
        assert 403 in declared.errors
        assert (401 in declared.errors) == (declared.access is Access.CREDENTIAL)
        if declared.query is not None:
            assert 400 in declared.errors
