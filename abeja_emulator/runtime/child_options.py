"""How the user's code is started in child processes: what is the same for jobs, services and runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.git_sources import GitSources
from abeja_emulator.runtime.interpreters import Interpreters
from abeja_emulator.runtime.limits import Cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from abeja_emulator.runtime.limits import InstanceTypes, Limits
    from abeja_emulator.runtime.requirements import Environments


@dataclass(frozen=True)
class ChildOptions:
    """What a host starts all of its children with.

    Attributes:
        api_url: returns the base URL of the API for children, `http://127.0.0.1:<port>`.
        environment: returns what children have in their environment below what the platform and the user set.
        interpreters: which Python runs which image; the current one by default.
        environments: installs the requirements of the code; None leaves them alone, and the log says so.
        preinstalled: what images carry, installed with the requirements, such as `abeja-sdk>=2.3`.
        instance_types: what a process on which instance type may use; None limits nothing.
        random_seed: seed of `random` and of NumPy's generator in every process.
        variables: user variables of all code, below all others.
        git: the repositories that stand for the URLs of versions from git; none by default.
        cpus: hands out the processors that a process is tied to.
        adopt: lets the platform answer on a socket, given by its descriptor, that listens in the network of a child
            alone, and returns what ends that; None where no child can be without a network.
    """

    api_url: Callable[[], str]
    environment: Callable[[], Mapping[str, str]] = lambda: os.environ
    interpreters: Interpreters = field(default_factory=Interpreters)
    environments: Environments | None = None
    preinstalled: Sequence[str] = ()
    instance_types: InstanceTypes | None = None
    random_seed: int | None = None
    variables: Mapping[str, Any] | None = None
    git: GitSources = field(default_factory=GitSources)
    cpus: Cpus = field(default_factory=Cpus)
    adopt: Callable[[int], Callable[[], None]] | None = None

    @property
    def seed_variables(self) -> dict[str, str]:
        """Variables that make the order of sets and the like follow from the seed, if there is one."""
        return {} if self.random_seed is None else {"PYTHONHASHSEED": str(self.random_seed % 2**32)}

    @property
    def installs(self) -> bool:
        """Whether the requirements of the code are installed."""
        return self.environments is not None

    def limits_of(self, instance_type: str | None) -> Limits | None:
        """Return what a process on an instance type may use, or None."""
        if self.instance_types is None or instance_type is None:
            return None
        return self.instance_types.for_type(instance_type)
