"""A test fails for what is there twice because an answer did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

TESTS = """
    import os
    import pytest
    import requests
    from abeja.datalake import Client as Datalake
    from abeja.datasets import Client

    def make(attempts=1):
        dataset = Client().datasets.create("new", "custom", {})
        for _ in range(attempts):
            try:
                return dataset.dataset_items.create(source_data=[], attributes={"name": "一"})
            except Exception:
                pass

    def test_sdk(abeja_faults, abeja_clock):
        abeja_faults.add("create_dataset_item", lost=True)
        make()

    def test_time_out(abeja_faults, abeja_clock):
        abeja_faults.add("create_dataset_item", latency=100)
        make()

    def test_handler(abeja_faults):
        abeja_faults.add("create_dataset_item", lost=400)
        make(attempts=2)

    def test_handler_that_gives_up(abeja_faults):
        abeja_faults.add("create_dataset_item", lost=400)
        make()

    def test_form(abeja, abeja_faults):
        channel = abeja.seed.channel("pictures")
        abeja_faults.add("POST /channels/*", lost=503)
        headers = {"Authorization": "Bearer anything"}
        for _ in range(2):
            requests.post(
                f"https://api.abeja.io/channels/{channel}/upload",
                files={"file": ("a.txt", b"content", "text/plain"), "metadata": (None, "{}", "application/json")},
                headers=headers,
            )

    def test_allowed(abeja_faults, abeja_clock):
        abeja_faults.allow_duplicates = True
        abeja_faults.add("create_dataset_item", lost=True)
        make()

    @pytest.mark.abeja(faults=["create_dataset_item lost"])
    def test_that_fails_itself(abeja_clock):
        make()
        assert not "itself"
    """


def test_who_repeats_what_was_done_fails(pytester: pytest.Pytester) -> None:
    """The SDK, also after a time-out, and the handler, with a form that has another boundary each time.

    Not the one who gives up, and not where it is allowed; one that has failed already does not fail once more. The
    summary has it, and so has the page.
    """
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:cacheprovider", "--abeja-report", "page.html")
    result.assert_outcomes(passed=6, failed=1, errors=4)
    lines = result.stdout.lines
    errors = sorted(line.partition("::")[2].partition(" ")[0] for line in lines if line.startswith("ERROR "))
    assert errors == ["test_form", "test_handler", "test_sdk", "test_time_out"]
    page = (pytester.path / "page.html").read_text(encoding="utf-8")
    for said in (
        "dataset item 1 was made twice: POST /organizations/",
        "(answer lost after the call was done (connection reset)), and the same call, made again",
        "(answer lost after the call was done (400)), and the same call, made again",
        "(100 s of latency), and the same call, made again because of that, made dataset item 2",
    ):
        # In the error of the test and in the summary.
        assert sum(said in line for line in lines) >= 2
        assert said in page
