"""Operations of OpsBeeLLM (`abeja/opsbeellm`), gathered from the modules that declare them."""

from abeja_emulator.services.opsbeellm.operations_chat import OPERATIONS as CHAT
from abeja_emulator.services.opsbeellm.operations_datasets import OPERATIONS as DATASETS
from abeja_emulator.services.opsbeellm.operations_deployments import OPERATIONS as DEPLOYMENTS
from abeja_emulator.services.opsbeellm.operations_qa import OPERATIONS as QA
from abeja_emulator.services.opsbeellm.operations_tags import OPERATIONS as TAGS

OPERATIONS = (*DATASETS, *DEPLOYMENTS, *QA, *CHAT, *TAGS)
