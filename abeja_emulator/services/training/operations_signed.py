"""Operations behind signed URLs: sources of versions and results of jobs."""

from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.paths import SIGNED_RESULT, SIGNED_SOURCE
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

LOCAL = "abejacli/training/jobs.py (train-local)"


@operation(
    "GET",
    SIGNED_SOURCE,
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="runner cmd/training/process_download.go",
)
def download_source(call: Call[None, None]) -> Download:
    """Return the source archive of a version."""
    return Definitions(call.world).source(call.path["job_definition_id"], call.path["version_id"])


@operation(
    "GET",
    SIGNED_RESULT,
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="abeja/train/client.py opens the answer as a zip",
)
def download_result(call: Call[None, None]) -> Download:
    """Return the result of a job, a zip."""
    return Jobs(call.world).result(call.path["training_job_id"])


@operation(
    "PUT",
    SIGNED_RESULT,
    body=Upload,
    answer=Empty,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def upload_result(call: Call[None, Upload]) -> Empty:
    """Take the result of a job that ran on the caller's machine."""
    jobs = Jobs(call.world)
    jobs.keep_result(jobs.find(call.path["training_job_id"]), call.body)
    return Empty()


OPERATIONS = operations_in(globals())
