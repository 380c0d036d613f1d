"""What the platform has and the emulator has not, with the reason: each answers 501 and says it, and a page lists them.

An operation that gets emulated is declared in the folder of its service, and leaves this list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from abeja_emulator.wire.operations import Operation


class Limit(NamedTuple):
    """A part of an operation that is not emulated.

    Attributes:
        operation: its name.
        part: what of it.
        reason: why.
    """

    operation: str
    part: str
    reason: str


def missing_operations() -> tuple[Operation, ...]:
    """Return the operations that are not emulated, none at present; each has no rule, and the reason."""
    return ()


#: What is left out of operations that are emulated otherwise.
LIMITS = (
    Limit(
        "list_bucket_files",
        "`q`",
        "it is JMESPath, and to what of the answer the platform applies it is not known; it answers 501",
    ),
    Limit(
        "create_training_version_from_git",
        "the source",
        "nothing is fetched from the network: a job takes the branch from the repository here that stands for the URL "
        "(`abeja_git`, `--git`), and fails where none does; submodules are empty and files of git LFS are pointers; "
        "the download of the source answers 404 and says why",
    ),
    Limit(
        "create_training_version_from_git",
        "the commit",
        "that of the time when the version was made cannot be known without the repository, and whether the platform "
        "keeps to it is not known: the branch is resolved when a job begins, so a later job sees a later commit, and "
        "its log names the commit (inferred)",
    ),
    Limit(
        "create_labs_app",
        "building and starting the app",
        "it is a container of its own; the app stays `pending`, and `stop_after` is kept and does nothing",
    ),
    Limit(
        "create_labs_app", "`setting.yaml`", "it answers 501 where PyYAML is not installed; abeja-emulator[yaml] has it"
    ),
    Limit(
        "push_dx_template", "`template.yaml`", "it answers 501 where PyYAML is not installed, as create_labs_app does"
    ),
    Limit("update_labs_app", "building and starting the app", "as for create_labs_app"),
    Limit(
        "create_notebook",
        "Jupyter",
        "there is no image to start; a notebook is Active after ten seconds of the Platform's clock, and its log says "
        "that nothing runs",
    ),
    Limit("start_notebook", "Jupyter", "as for create_notebook"),
    Limit(
        "create_service",
        "running the model",
        "a bare `Platform` runs none, as it runs no jobs: a service is READY when it is next looked at, and asking it "
        "answers 501; `--abeja-emulate` and `abeja-emulator serve` run it",
    ),
    Limit("create_service", "autoscaling", "its fields are kept and checked; as many instances run as were asked for"),
    Limit("create_service", "video in images up to 18.10", "frames of a film are not decoded; the request is refused"),
    Limit(
        "create_service",
        "pictures in images up to 18.10",
        "Pillow decodes them, or OpenCV where the interpreter has no Pillow; it has to have one of them and NumPy, or "
        "the request is refused with what to install",
    ),
    Limit("create_run", "running the batch", "as for create_service: a run stays as it was made"),
    Limit("create_run", "`distribution`", "it is kept and shown, and does nothing: a run is one process"),
    Limit("create_trigger", "`distribution`", "as for create_run"),
    Limit("request_service", "a bare `Platform`", "it runs no model and answers 501, see create_service"),
    Limit("request_service", "HEAD and OPTIONS", "405; the runner would answer 501"),
    Limit("request_deployment", "the same", "as for request_service"),
    Limit(
        "create_repository",
        "pushing images",
        "the registry's own protocol is not emulated; tags are put there by whoever has the Platform in hand",
    ),
    Limit(
        "create_deployment_version_from_git",
        "the source",
        "nothing is fetched from the network; its download answers 404 and says why",
    ),
    Limit(
        "create_deployment_from_template", "the source", "templates are the platform's own; its download answers 404"
    ),
)

#: What clients call that is no operation of the API at all.
ELSEWHERE = (
    Limit(
        "GET an http or https `data_uri`",
        "a file of a dataset item that lies on a host of its own",
        "that host is none of the platform's; it is refused, unless allowed or answered by `responses`",
    ),
)
