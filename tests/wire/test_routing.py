"""From a method and a raw target to an operation."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.operations import Base, Operation
from abeja_emulator.wire.routing import Router

OPERATIONS = all_operations()
ROUTER = Router(OPERATIONS)


def router(*declared: str) -> Router:
    """Return a router of operations named by their own `METHOD /path`."""
    return Router(Operation(name, name.partition(" ")[0], name.partition(" ")[2]) for name in declared)


def routed(to: Router, method: str, path: str) -> str | None:
    """Return the name of the operation a call goes to."""
    operation = to.route(Base.API, method, path).operation
    return None if operation is None else operation.name


class TestDeclared:
    """Every operation there is."""

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.service}-{operation.name}")
    @settings(max_examples=15)
    @given(data=st.data())
    def test_each_finds_its_own(self, operation: Operation, data: st.DataObject) -> None:
        """With any text in the place of its variables, with a slash behind it and without."""
        names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
        text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
        # A text that is a word of another operation's path leads there.
        words = {part for other in OPERATIONS for part in other.path.split("/")}
        values = {name: data.draw(text.filter(lambda value: value not in words)) for name in names}
        segments = {f"{{{name}}}": quote(value, safe="") for name, value in values.items()}
        path = "/".join(segments.get(part, part) for part in operation.path.split("/"))
        for sent in (path, path + "/"):
            route = ROUTER.route(operation.base, operation.method, sent)
            assert route.operation is operation
            assert route.values == values


class TestSegments:
    """What a segment is."""

    def test_an_encoded_slash_stays_inside(self) -> None:
        """Segments are parted before they are decoded."""
        route = router("GET /files/{file}").route(Base.API, "GET", "/files/a%2Fb%2f..%2Fc")
        assert route.values == {"file": "a/b/../c"}

    @pytest.mark.parametrize(
        ("segment", "value"), [("%E7%8A%AC", "犬"), ("a+b", "a+b"), ("%FF", "\ufffd"), ("100%", "100%"), ("%zz", "%zz")]
    )
    def test_decoding(self, segment: str, value: str) -> None:
        """Percent-encoded UTF-8; a plus is a plus, and what is not well-formed is no error."""
        assert router("GET /{x}").route(Base.API, "GET", f"/{segment}").values == {"x": value}

    @pytest.mark.parametrize("path", ["", "/", "*", "a", "/a", "/a/", "//a/b", "/a//", "/a//b", "/a/b//", "/a/b/c"])
    def test_no_empty_and_no_further_segment(self, path: str) -> None:
        """A variable takes one segment that is not empty; only one slash at the end is as good as none."""
        assert routed(router("GET /a/{x}"), "GET", path) is None

    def test_the_path_itself_is_not_decoded(self) -> None:
        """`%61` is no `a` of a template, as on servers that route before they decode."""
        assert routed(router("GET /a/{x}"), "GET", "/%61/1") is None


class TestDeep:
    """An operation whose last segment takes the rest of a path."""

    TO = Router(
        [
            Operation("list", "GET", "/{bucket}/files"),
            Operation("file", "GET", "/{bucket}/files/{path}", deep=True),
            Operation("sign", "POST", "/{bucket}/files/{path}/sign"),
        ]
    )

    @pytest.mark.parametrize(
        ("sent", "path"),
        [
            ("a", "a"),
            ("a/", "a"),
            ("a/b/c", "a/b/c"),
            ("/a//b", "/a//b"),
            ("a%2Fb/%E7%8A%AC", "a/b/犬"),
            ("files/files", "files/files"),
            ("a/sign/b", "a/sign/b"),
        ],
    )
    def test_rest(self, sent: str, path: str) -> None:
        """Slashes, encoded or not, and empty segments are part of it; one slash at the end is as good as none."""
        route = self.TO.route(Base.API, "GET", f"/1/files/{sent}")
        assert (route.operation and route.operation.name, route.values) == ("file", {"bucket": "1", "path": path})

    @pytest.mark.parametrize(
        ("method", "path", "name"),
        [
            ("GET", "/1/files", "list"),
            ("GET", "/1/files/", "list"),
            ("GET", "/1/files//", None),
            ("POST", "/1/files/a/sign", "sign"),
            ("POST", "/1/files/a/b/sign", None),
            ("DELETE", "/1/files/a/b", None),
            ("GET", "/1/other/a", None),
        ],
    )
    def test_others_come_first(self, method: str, path: str, name: str | None) -> None:
        """It takes what fits no other path, and at least something."""
        assert routed(self.TO, method, path) == name

    def test_methods(self) -> None:
        """A method it has not is one that the path has not."""
        assert self.TO.route(Base.API, "DELETE", "/1/files/a/b").methods == ("GET",)


class TestChoice:
    """Which operation, when several could be meant."""

    def test_static_before_variable(self) -> None:
        """A word of a template is meant literally."""
        to = router("GET /a/{x}", "GET /a/b")
        assert routed(to, "GET", "/a/b") == "GET /a/b"
        assert routed(to, "GET", "/a/c") == "GET /a/{x}"

    def test_backtracking(self) -> None:
        """A static segment that leads nowhere gives way to a variable."""
        to = router("GET /a/b/c", "GET /{x}/b/d", "GET /{x}/{y}/e")
        assert routed(to, "GET", "/a/b/c") == "GET /a/b/c"
        route = to.route(Base.API, "GET", "/a/b/d")
        assert (route.operation and route.operation.name, route.values) == ("GET /{x}/b/d", {"x": "a"})
        assert to.route(Base.API, "GET", "/a/b/e").values == {"x": "a", "y": "b"}
        assert routed(to, "GET", "/a/b/f") is None

    def test_names_of_variables_may_differ(self) -> None:
        """Two operations on one path may name its variables differently."""
        to = router("GET /a/{x}", "PUT /a/{y}", "GET /a/{z}/b")
        assert to.route(Base.API, "GET", "/a/1").values == {"x": "1"}
        assert to.route(Base.API, "PUT", "/a/1").values == {"y": "1"}
        assert to.route(Base.API, "GET", "/a/1/b").values == {"z": "1"}

    def test_other_methods(self) -> None:
        """A path that has not the method names those it has; a path that is none names none."""
        to = router("PUT /a/{x}", "GET /a/{x}", "GET /a/{x}/b")
        assert to.route(Base.API, "DELETE", "/a/1").methods == ("GET", "PUT")
        assert to.route(Base.API, "DELETE", "/b/1").methods == ()
        assert to.route(Base.API, "get", "/a/1").operation is None

    def test_hosts(self) -> None:
        """An operation of the organization's host is no operation of the API's."""
        to = Router([Operation("o", "GET", "/a", base=Base.ORGANIZATION)])
        assert to.route(Base.ORGANIZATION, "GET", "/a").operation is not None
        assert to.route(Base.API, "GET", "/a").operation is None


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/organizations/1/dataset", "list_datasets"),
        ("POST", "/organizations/1/dataset", "create_dataset"),
        ("GET", "/organizations/1/datasets/2/item", "list_dataset_items"),
        ("GET", "/organization/1/channels", "list_channels"),
        ("POST", "/organizations/1/training/definitions/name/jobs/2/statistic", "update_statistics"),
        ("GET", "/favicon.ico", None),
        ("GET", "/", None),
    ],
)
def test_the_nearest_operation(method: str, path: str, name: str | None) -> None:
    """A person who mistyped a path learns what was meant; nothing is suggested for what is like nothing."""
    nearest = Router(all_operations()).nearest(Base.API, method, path)
    assert (nearest.name if nearest else None) == name
