"""What all children of a host are started with follows from its options."""

from __future__ import annotations

import os

import pytest

from abeja_emulator.runtime.child_options import ChildOptions
from abeja_emulator.runtime.limits import InstanceTypes, Limits


def api_url() -> str:
    """Return the base URL of an API."""
    return "http://127.0.0.1:1"


def test_nothing_by_default() -> None:
    """No seed, no limits and nothing to install; the environment is that of this process."""
    options = ChildOptions(api_url)
    assert options.seed_variables == {}
    assert options.limits_of("cpu-1") is None
    assert not options.installs
    assert options.environment() is os.environ


@pytest.mark.parametrize(("seed", "said"), [(0, "0"), (42, "42"), (2**32 + 1, "1"), (-1, str(2**32 - 1))])
def test_a_seed(seed: int, said: str) -> None:
    """Every one is a hash seed that Python takes."""
    assert ChildOptions(api_url, random_seed=seed).seed_variables == {"PYTHONHASHSEED": said}


def test_limits() -> None:
    """They are those of the instance type; what has none is not limited."""
    limits = Limits(memory=1)
    options = ChildOptions(api_url, instance_types=InstanceTypes({"cpu-1": limits}))
    assert options.limits_of("cpu-1") == limits
    assert options.limits_of(None) is None


def test_each_has_its_own() -> None:
    """Processors are handed out by one host alone, unless two are given the same."""
    assert ChildOptions(api_url).cpus is not ChildOptions(api_url).cpus
