"""What options and configuration of a test run say, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.finding import exists, shortened
from abeja_emulator.services.images import DEFAULT_IMAGE, check_image
from abeja_emulator.services.variables import variables_of
from abeja_emulator.wire.operations import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from abeja_emulator.platform import Authentication
    from abeja_emulator.runtime.work_queue import Mode


class Settings(NamedTuple):
    """The settings of a run.

    Attributes:
        auth: `open` or `strict` credentials.
        enforce_cidrs: whether calls from outside of an organization's CIDRs are refused.
        environment: variables of every job.
        relative_result: whether `ABEJA_TRAINING_RESULT_DIR` is relative.
        image: image of the current job, and of jobs that name none; None for the platform's default.
        keep: folder to keep results, logs and statistics of every job in, or None.
        seed: file that says what is on the platform from the start, or None.
        jobs: when jobs that are made through the API begin.
        execution: how they are run.
        allow_hosts: other hosts that may be reached.
        unknown_host: `raise`, or `connection-error` to behave as a machine without a network.
        faults: what goes wrong in every test, one line each.
        mute_faults: whether none of any test's faults fires.
    """

    auth: Authentication
    enforce_cidrs: bool
    environment: dict[str, str]
    relative_result: bool
    image: str | None
    keep: Path | None
    seed: Path | None
    jobs: Mode
    execution: dict[str, Any]
    allow_hosts: tuple[str, ...]
    unknown_host: Literal["raise", "connection-error"]
    faults: tuple[str, ...]
    mute_faults: bool

    @classmethod
    def of(cls, config: pytest.Config, options: Any) -> Settings:
        """Read them; an option wins over the configuration.

        Raises:
            UsageError: when one says something that cannot be.
        """

        def said(name: str) -> Any:
            try:
                return getattr(options, name, None) or config.getini(name)
            except (ValueError, pytest.UsageError) as error:
                message = f"{name}: {error}; it must be true or false"
                raise pytest.UsageError(message) from error

        seed = _path(config, said("abeja_seed"))
        if seed is not None and not (exists(seed) and seed.is_file()):
            message = f"abeja_seed is {shortened(seed)!r}, and there is no such file"
            raise pytest.UsageError(message)
        keep = _path(config, said("abeja_keep"))
        if keep is not None:
            check_can_be_made("abeja_keep", keep)
            if keep.exists() and not keep.is_dir():
                message = f"abeja_keep is {str(keep)!r}, which is a file; it must be a folder"
                raise pytest.UsageError(message)
        _one_of("abeja_train_in", said("abeja_train_in"), "process", "child")
        _one_of("abeja_min_evidence", said("abeja_min_evidence"), *(evidence.value for evidence in Evidence))
        image: str = said("abeja_image")
        environment = dict(_variable(line) for line in config.getini("abeja_environment"))
        try:
            check_image(image or DEFAULT_IMAGE)
            variables_of(environment)
        except BadRequest as error:
            raise pytest.UsageError(str(error)) from error
        return cls(
            auth=cast("Authentication", _one_of("abeja_auth", said("abeja_auth"), "open", "strict")),
            enforce_cidrs=bool(said("abeja_enforce_cidrs")),
            environment=environment,
            relative_result=_one_of("abeja_result_dir", config.getini("abeja_result_dir"), "absolute", "relative")
            == "relative",
            image=image or None,
            keep=keep,
            seed=seed,
            jobs=cast("Mode", _one_of("abeja_jobs", said("abeja_jobs"), "immediate", "held", "virtual")),
            execution=_execution(config, said),
            allow_hosts=(*config.getini("abeja_allow_hosts"), *(getattr(options, "abeja_allow_host", None) or ())),
            unknown_host=cast(
                "Literal['raise', 'connection-error']",
                _one_of("abeja_unknown_host", said("abeja_unknown_host"), "raise", "connection-error"),
            ),
            faults=(*config.getini("abeja_faults"), *(getattr(options, "abeja_fault", None) or ())),
            mute_faults=bool(said("abeja_mute_faults")),
        )


def least_evidence(item: pytest.Item, marks: Mapping[str, Any]) -> Evidence:
    """Return the weakest evidence that will do for a test: its marker wins over option and configuration.

    Raises:
        UsageError: when the configuration says something else than a grade of evidence.
    """
    said = item.config.getoption("abeja_min_evidence") or item.config.getini("abeja_min_evidence")
    grades = [evidence.value for evidence in Evidence]
    return Evidence(_one_of("abeja_min_evidence", marks.get("min_evidence") or said, *grades))


def train_in(config: pytest.Config, marks: Mapping[str, Any]) -> str:
    """Return where a job of `abeja_train` runs, `process` or `child`: a marker wins over option and configuration.

    Raises:
        UsageError: when the configuration says something else.
    """
    said = config.getoption("abeja_train_in") or config.getini("abeja_train_in")
    return _one_of("abeja_train_in", marks.get("train_in") or said, "process", "child")


def _execution(config: pytest.Config, said: Callable[[str], Any]) -> dict[str, Any]:
    limit = said("abeja_answer_timeout")
    return {**_children(config, said), **({"answer_timeout": _timeout(limit)} if limit else {})}


def _timeout(text: str) -> float:
    from abeja_emulator.serving.messages import timeout_of  # noqa: PLC0415 - a run that says nothing does not pay

    try:
        return timeout_of(text)
    except ValueError as error:
        message = f"abeja_answer_timeout: {error}"
        raise pytest.UsageError(message) from error


def _children(config: pytest.Config, said: Callable[[str], Any]) -> dict[str, Any]:
    named = (
        "abeja_python",
        "abeja_images",
        "abeja_install_requirements",
        "abeja_limits",
        "abeja_instance_types",
        "abeja_random_seed",
        "abeja_git",
    )
    if not any([said(name) for name in named]):  # noqa: C419 - each of them is checked
        return {}
    from abeja_emulator.runtime.execution import Execution  # noqa: PLC0415 - a run that says nothing does not pay
    from abeja_emulator.runtime.git_sources import GitError  # noqa: PLC0415 - the same
    from abeja_emulator.runtime.interpreters import InterpreterError  # noqa: PLC0415 - the same
    from abeja_emulator.runtime.limits import LimitError  # noqa: PLC0415 - the same
    from abeja_emulator.runtime.requirement_files import RequirementsError  # noqa: PLC0415 - the same

    execution = Execution(
        python=said("abeja_python") or None,
        images=tuple(config.getini("abeja_images")),
        install_requirements=bool(said("abeja_install_requirements")),
        limits=bool(said("abeja_limits")),
        instance_types=tuple(config.getini("abeja_instance_types")),
        random_seed=_seed(said("abeja_random_seed")),
        git=tuple(config.getini("abeja_git")),
        folders=(config.invocation_params.dir, config.rootpath),
    )
    try:
        return execution.options()
    except GitError as error:
        message = f"abeja_git: {error}"
        raise pytest.UsageError(message) from error
    except (InterpreterError, LimitError, RequirementsError) as error:
        raise pytest.UsageError(str(error)) from error


def _seed(text: str) -> int | None:
    from abeja_emulator.runtime.randomness import seed_of  # noqa: PLC0415 - a run that says nothing does not pay

    try:
        return seed_of(text) if text else None
    except ValueError as error:
        message = f"abeja_random_seed: {error}"
        raise pytest.UsageError(message) from error


def check_can_be_made(name: str, path: Path) -> None:
    """Check that a file or folder can be made at `path`, as far as can be told before it is.

    Args:
        name: of the setting that says so.
        path: absolute.

    Raises:
        UsageError: when a folder above it is a file, or a name in it is too long for the disk.
    """
    try:
        above = next((folder for folder in path.parents if folder.exists()), path)
        path.exists()
    except OSError as error:
        message = f"{name} is {shortened(path)!r}, where nothing can be made: {error.strerror}"
        raise pytest.UsageError(message) from error
    if not above.is_dir():
        message = f"{name} is {str(path)!r}, and {str(above)!r} is a file; nothing can be made below a file"
        raise pytest.UsageError(message)


def _one_of(name: str, value: Any, *known: str) -> str:
    if value not in known:
        message = f"{name} is {value!r}; it must be {', '.join(known[:-1])} or {known[-1]}"
        raise pytest.UsageError(message)
    return str(value)


def _path(config: pytest.Config, text: str) -> Path | None:
    """Return a path that is relative to where pytest was started, or else to the root of the run."""
    if not text:
        return None
    started, root = config.invocation_params.dir / text, config.rootpath / text
    return root if exists(root) and not exists(started) else started


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not (name.isascii() and name.isidentifier()):
        message = f"abeja_environment: {line!r} is not NAME=value, with letters, digits and _ in the name only"
        raise pytest.UsageError(message)
    return name, value
