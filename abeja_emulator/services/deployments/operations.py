"""Operations on deployments (`abeja/deployments/api/client.py`), gathered from the modules that declare them."""

from abeja_emulator.services.deployments.operations_deployments import OPERATIONS as DEPLOYMENTS
from abeja_emulator.services.deployments.operations_versions import OPERATIONS as VERSIONS

OPERATIONS = (*DEPLOYMENTS, *VERSIONS)
