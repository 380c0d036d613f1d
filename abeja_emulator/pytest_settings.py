"""What options and configuration of a test run say, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.training.definitions import DEFAULT_IMAGE, check_image, variables_of

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Authentication


class Settings(NamedTuple):
    """The settings of a run.

    Attributes:
        auth: `open` or `strict` credentials.
        environment: variables of every job.
        relative_result: whether `ABEJA_TRAINING_RESULT_DIR` is relative.
        image: image of the current job, and of jobs that name none; None for the platform's default.
        keep: folder to keep results, logs and statistics of every job in, or None.
        seed: file that says what is on the platform from the start, or None.
        allow_hosts: other hosts that may be reached.
        unknown_host: `raise`, or `connection-error` to behave as a machine without a network.
    """

    auth: Authentication
    environment: dict[str, str]
    relative_result: bool
    image: str | None
    keep: Path | None
    seed: Path | None
    allow_hosts: tuple[str, ...]
    unknown_host: Literal["raise", "connection-error"]

    @classmethod
    def of(cls, config: pytest.Config, options: Any) -> Settings:
        """Read them; an option wins over the configuration.

        Raises:
            UsageError: when one says something that cannot be.
        """

        def said(name: str) -> Any:
            return getattr(options, name, None) or config.getini(name)

        seed = _path(config, said("abeja_seed"))
        if seed is not None and not seed.is_file():
            message = f"abeja_seed is {str(seed)!r}, and there is no such file"
            raise pytest.UsageError(message)
        keep = _path(config, said("abeja_keep"))
        if keep is not None and keep.exists() and not keep.is_dir():
            message = f"abeja_keep is {str(keep)!r}, which is a file; it must be a folder"
            raise pytest.UsageError(message)
        image: str = said("abeja_image")
        environment = dict(_variable(line) for line in config.getini("abeja_environment"))
        try:
            check_image(image or DEFAULT_IMAGE)
            variables_of(environment)
        except BadRequest as error:
            raise pytest.UsageError(str(error)) from error
        return cls(
            auth=cast("Authentication", _one_of("abeja_auth", said("abeja_auth"), "open", "strict")),
            environment=environment,
            relative_result=_one_of("abeja_result_dir", config.getini("abeja_result_dir"), "absolute", "relative")
            == "relative",
            image=image or None,
            keep=keep,
            seed=seed,
            allow_hosts=(*config.getini("abeja_allow_hosts"), *(getattr(options, "abeja_allow_host", None) or ())),
            unknown_host=cast(
                "Literal['raise', 'connection-error']",
                _one_of("abeja_unknown_host", said("abeja_unknown_host"), "raise", "connection-error"),
            ),
        )


def _one_of(name: str, value: Any, one: str, other: str) -> str:
    if value not in {one, other}:
        message = f"{name} is {value!r}; it must be {one} or {other}"
        raise pytest.UsageError(message)
    return str(value)


def _path(config: pytest.Config, text: str) -> Path | None:
    """Return a path that is relative to where pytest was started, or else to the root of the run."""
    if not text:
        return None
    started, root = config.invocation_params.dir / text, config.rootpath / text
    return root if root.exists() and not started.exists() else started


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not (name.isascii() and name.isidentifier()):
        message = f"abeja_environment: {line!r} is not NAME=value, with letters, digits and _ in the name only"
        raise pytest.UsageError(message)
    return name, value
