"""Operations on the results of jobs (`abeja/train/client.py`)."""

from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.named import job_of
from abeja_emulator.services.training.paths import JOB
from abeja_emulator.services.training.shapes import Artifacts, ResultView, Uri
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

LOCAL = "abejacli/training/jobs.py (train-local)"


@operation(
    "GET",
    JOB + "/result",
    answer=ResultView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source="abeja/train/client.py download_training_result takes a missing key as: no result",
)
def get_training_result(call: Call[None, None]) -> ResultView:
    """Return a signed URL to the result of a job, or no artifact when it has none."""
    job = job_of(call)
    if job.artifact is None:
        return ResultView(Artifacts())
    return ResultView(Artifacts(Uri(Jobs(call.world).result_url(job, "GET", call.origin))))


@operation(
    "POST",
    JOB + "/result",
    answer=Uri,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def create_training_result(call: Call[None, None]) -> Uri:
    """Return a signed URL to PUT the result of a job to."""
    return Uri(Jobs(call.world).result_url(job_of(call), "PUT", call.origin))


OPERATIONS = operations_in(globals())
