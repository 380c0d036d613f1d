"""Operations on job definitions, versions and jobs, gathered from the modules that declare them."""

from abeja_emulator.services.training.operations_definitions import OPERATIONS as DEFINITIONS
from abeja_emulator.services.training.operations_jobs import OPERATIONS as JOBS
from abeja_emulator.services.training.operations_progress import OPERATIONS as PROGRESS
from abeja_emulator.services.training.operations_results import OPERATIONS as RESULTS
from abeja_emulator.services.training.operations_signed import OPERATIONS as SIGNED
from abeja_emulator.services.training.operations_versions import OPERATIONS as VERSIONS

OPERATIONS = (*DEFINITIONS, *VERSIONS, *JOBS, *RESULTS, *PROGRESS, *SIGNED)
