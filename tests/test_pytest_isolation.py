"""Isolation of a run with `--abeja-emulate`: what stays for whom, in every order and beside other plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Runner = Callable[..., pytest.RunResult]

#: Helpers of all runs here: `put` puts a dataset on the platform as any client does, `names` tells which are there.
HELPERS = """
    import pytest
    from abeja.datasets import Client

    def put(name):
        return Client().datasets.create(name, "custom", {}).dataset_id

    def names():
        return {each.name for each in Client().datasets.list()}

    def delete(name):
        (found,) = [each for each in Client().datasets.list() if each.name == name]
        Client().datasets.delete(found.dataset_id)
    """


@pytest.fixture
def run(pytester: pytest.Pytester) -> Runner:
    """Run pytest in a process of its own, emulating the platform, in the order of the files."""
    pytester.makepyfile(helpers=HELPERS)

    def run_pytest(*arguments: str, order: str = "no:randomly") -> pytest.RunResult:
        return pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:cacheprovider", "-p", order, *arguments)

    return run_pytest


SCOPES = """
    import pytest
    from helpers import delete, names, put

    @pytest.fixture(scope="module", autouse=True)
    def module(session):
        put("module")

    @pytest.fixture(scope="class", autouse=True)
    def cls(module):
        put("class")

    @pytest.fixture(autouse=True)
    def function(cls):
        put("function")

    ALL = {"session", "module", "class", "function"}

    class TestOne:
        @pytest.mark.parametrize("number", range(3))
        def test_it(self, number):
            assert names() == ALL
            put("own")
            delete("session")
            assert names() == ALL - {"session"} | {"own"}

    class TestTwo(TestOne): pass

    @pytest.mark.parametrize("number", range(2))
    def test_it(number):
        assert names() == ALL
        put("own")
    """

CONFTEST = """
    import pytest
    from helpers import names, put

    @pytest.fixture(scope="session", autouse=True)
    def session():
        assert names() == set()
        put("session")
        yield
        assert names() == {"session"}
    """


def test_each_scope_sees_what_wider_ones_left(pytester: pytest.Pytester, run: Runner) -> None:
    """What a test does, deleting what belongs to the session among it, is gone for the next; names can be reused."""
    pytester.makepyfile(test_a=SCOPES, test_b=SCOPES)
    pytester.makeconftest(CONFTEST)
    run().assert_outcomes(passed=16)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_tests_does_not_matter(pytester: pytest.Pytester, run: Runner, seed: int) -> None:
    """Random orders of modules, classes and tests."""
    pytester.makepyfile(test_a=SCOPES, test_b=SCOPES)
    pytester.makeconftest(CONFTEST)
    run(f"--randomly-seed={seed}", order="randomly").assert_outcomes(passed=16)


def test_a_wider_fixture_that_comes_late_stays_as_long_as_it_lives(pytester: pytest.Pytester, run: Runner) -> None:
    """It is first wanted when tests of its scope have run already; what it put there is there for all who want it."""
    pytester.makeconftest(
        """
        import pytest
        from helpers import names, put

        @pytest.fixture(scope="session")
        def session():
            put("session")
            yield
            assert "session" in names()

        @pytest.fixture(scope="session")
        def broken():
            put("half")
            raise RuntimeError("after it put something there")
        """
    )
    late = """
        import pytest
        from helpers import names, put

        @pytest.fixture(scope="module")
        def module(session):
            put("module")

        class TestOne:
            def test_before(self):
                assert not names() & {"module", "own"}
                put("own")
            def test_it(self, module):
                assert names() >= {"session", "module"} and "own" not in names()
                put("own")
            def test_after(self, session):
                assert names() >= {"session", "module"} and "own" not in names()

        def test_dynamic(request):
            put("own")
            request.getfixturevalue("session")
            assert names() >= {"session", "module", "own"}

        def test_the_module_is_still_there(module):
            assert names() >= {"session", "module"}
        """
    pytester.makepyfile(
        test_a=late,
        test_b=late,
        test_c="""
        import pytest
        from helpers import names, put

        def test_the_modules_are_gone():
            assert names() == {"session"}

        def test_broken(broken): pass

        def test_after_that(session):
            assert names() == {"session", "half"}
        """,
    )
    run().assert_outcomes(passed=12, errors=1)


def test_ids_never_come_back(pytester: pytest.Pytester, run: Runner) -> None:
    """The SDK keeps downloaded files by id and never asks again: each test must read its own content."""
    pytester.makepyfile(
        """
        import io
        import pytest
        from abeja.datalake.client import Client
        from abeja.datasets import Client as DatasetsClient

        SEEN = []

        @pytest.mark.parametrize("number", range(4))
        def test_it(abeja, number):
            channel = Client().channels.create("mine", "why", "datalake")
            file = channel.upload(io.BytesIO(b"%d" % number), "text/plain")
            dataset = abeja.seed.dataset([(b"%d" % number, "label")])
            (item,) = DatasetsClient().get_dataset(dataset).dataset_items.list(prefetch=True)
            assert channel.get_file(file.file_id).get_content() == b"%d" % number
            assert item.source_data[0].get_content() == b"%d" % number
            SEEN.extend([channel.channel_id, file.file_id, dataset, dataset.channel_id])
            assert len(set(SEEN)) == len(SEEN)
        """
    )
    run().assert_outcomes(passed=4)


def test_the_journal_is_that_of_the_test(pytester: pytest.Pytester, run: Runner) -> None:
    """Calls of an earlier one are not in it."""
    pytester.makepyfile(
        """
        from helpers import names

        def test_one(abeja):
            names()
            abeja.assert_called("list_datasets", times=1)

        def test_two(abeja):
            assert abeja.calls() == []
        """
    )
    run().assert_outcomes(passed=2)


def test_jobs_and_the_current_job_are_isolated(pytester: pytest.Pytester, run: Runner) -> None:
    """Each test starts with a job that has posted nothing, and with none of another test's jobs."""
    pytester.makepyfile(
        """
        import os
        import pytest
        from abeja.train.client import Client
        from abeja.train.statistics import Statistics

        @pytest.mark.parametrize("number", range(3))
        def test_it(abeja, abeja_context, abeja_result_dir, abeja_train, number):
            current = os.environ["TRAINING_JOB_ID"]
            assert abeja.look.statistics(current) == []
            assert list(abeja_result_dir.iterdir()) == []
            Client().update_statistics(Statistics(num_epochs=1, epoch=1))
            assert len(abeja.look.statistics(current)) == 1
            job = abeja_train(lambda context: (abeja_result_dir / "model").touch())
            assert (job.status, job.version, job.statistics) == ("Complete", 1, [])
            assert [each.training_job_id for each in abeja.look.jobs()] == [current, job.id]
        """
    )
    run().assert_outcomes(passed=3)


def test_tests_of_other_kinds_are_isolated_as_well(pytester: pytest.Pytester, run: Runner) -> None:
    """unittest, asyncio, doctests, and tests that fail, skip, or break while they are set up."""
    pytester.makepyfile(
        """
        import unittest
        import pytest
        from helpers import names, put

        class TestOld(unittest.TestCase):
            @classmethod
            def setUpClass(cls): put("old class")
            def setUp(self): put("old test")
            def test_one(self): self.assertEqual(names(), {"old class", "old test"}); put("own")
            def test_two(self): self.assertEqual(names(), {"old class", "old test"}); put("own")

        @pytest.mark.asyncio
        @pytest.mark.parametrize("number", range(2))
        async def test_asyncio(number):
            import asyncio
            assert await asyncio.to_thread(names) == set()
            put("own")
            assert await asyncio.to_thread(names) == {"own"}

        def document():
            '''
            >>> names()
            set()
            >>> _ = put("own")
            '''

        @pytest.fixture
        def broken():
            put("own")
            raise RuntimeError

        def test_fails(): put("own"); assert False
        def test_skips(): put("own"); pytest.skip("later")
        def test_breaks(broken): pass
        def test_last(): assert names() == set()
        """
    )
    run("-p", "asyncio", "--doctest-modules", "-o", "asyncio_default_fixture_loop_scope=function").assert_outcomes(
        passed=6, failed=1, skipped=1, errors=1
    )


@pytest.mark.usefixtures("every_plugin")
def test_beside_xdist_randomly_asyncio_and_cov_all_at_once(pytester: pytest.Pytester) -> None:
    """Each worker has a platform of its own, jobs are measured, and no test sees another's things."""
    pytester.makepyfile(
        helpers=HELPERS,
        train="""
        def handler(context):
            print("covered")
        """,
    )
    test = """
        import asyncio, os
        import pytest
        from helpers import names, put

        @pytest.mark.asyncio
        @pytest.mark.parametrize("number", range(6))
        async def test_asyncio(number):
            assert await asyncio.to_thread(names) == set()
            put("own")

        @pytest.mark.parametrize("number", range(6))
        def test_it(abeja, abeja_train, number):
            assert names() == set()
            put("own")
            assert os.environ["ABEJA_ORGANIZATION_ID"] == abeja.organization.id
            assert abeja_train("train:handler").log == "covered"
        """
    pytester.makepyfile(test_a=test, test_b=test)
    command = ["-n", "2", "--cov=train", "--cov-report=term-missing", "-p", "no:cacheprovider"]
    result = pytester.runpytest_subprocess(
        "--abeja-emulate", *command, "-o", "asyncio_default_fixture_loop_scope=function"
    )
    result.assert_outcomes(passed=24)
    result.stdout.re_match_lines([r"train\.py +2 +0 +100%"])
