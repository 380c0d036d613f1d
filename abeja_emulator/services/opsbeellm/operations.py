"""Operations of OpsBeeLLM (`abeja/opsbeellm`), gathered from the modules that declare them."""

from abeja_emulator.services.opsbeellm.operations_datasets import OPERATIONS as DATASETS
from abeja_emulator.services.opsbeellm.operations_deployments import OPERATIONS as DEPLOYMENTS
from abeja_emulator.services.opsbeellm.operations_histories import OPERATIONS as HISTORIES
from abeja_emulator.services.opsbeellm.operations_tags import OPERATIONS as TAGS

OPERATIONS = (*DATASETS, *DEPLOYMENTS, *HISTORIES, *TAGS)
