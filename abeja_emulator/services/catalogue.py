"""Every operation there is, emulated or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.services.buckets.operations import OPERATIONS as BUCKETS
from abeja_emulator.services.datalake.operations import OPERATIONS as DATALAKE
from abeja_emulator.services.datasets.operations import OPERATIONS as DATASETS
from abeja_emulator.services.deployments.operations import OPERATIONS as DEPLOYMENTS
from abeja_emulator.services.dx_templates.operations import OPERATIONS as DX_TEMPLATES
from abeja_emulator.services.endpoints.operations import OPERATIONS as ENDPOINTS
from abeja_emulator.services.labs.operations import OPERATIONS as LABS
from abeja_emulator.services.limits import missing_operations
from abeja_emulator.services.models.operations import OPERATIONS as MODELS
from abeja_emulator.services.notebooks.operations import OPERATIONS as NOTEBOOKS
from abeja_emulator.services.opsbeellm.operations import OPERATIONS as OPSBEELLM
from abeja_emulator.services.organizations.operations import OPERATIONS as ORGANIZATIONS
from abeja_emulator.services.registry.operations import OPERATIONS as REGISTRY
from abeja_emulator.services.results.operations import OPERATIONS as RESULTS
from abeja_emulator.services.runs.operations import OPERATIONS as RUNS
from abeja_emulator.services.secrets.operations import OPERATIONS as SECRETS
from abeja_emulator.services.security.operations import OPERATIONS as SECURITY
from abeja_emulator.services.services.operations import OPERATIONS as SERVICES
from abeja_emulator.services.services.operations_asking import OPERATIONS as ASKING
from abeja_emulator.services.training.operations import OPERATIONS as TRAINING
from abeja_emulator.services.triggers.operations import OPERATIONS as TRIGGERS
from abeja_emulator.wire.operations import unique

if TYPE_CHECKING:
    from abeja_emulator.wire.operations import Operation


def all_operations() -> tuple[Operation, ...]:
    """Return every operation of the platform; those that are not emulated have no rule, and a reason."""
    emulated = (
        *ORGANIZATIONS,
        *DATASETS,
        *DATALAKE,
        *TRAINING,
        *BUCKETS,
        *MODELS,
        *NOTEBOOKS,
        *DEPLOYMENTS,
        *SERVICES,
        *ASKING,
        *RESULTS,
        *ENDPOINTS,
        *RUNS,
        *TRIGGERS,
        *REGISTRY,
        *SECURITY,
        *SECRETS,
        *LABS,
        *DX_TEMPLATES,
        *OPSBEELLM,
    )
    return unique((*emulated, *missing_operations()))
