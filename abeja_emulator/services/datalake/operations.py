"""Operations of the datalake (`abeja/datalake/api/client.py`), gathered from the modules that declare them."""

from abeja_emulator.services.datalake.operations_channels import OPERATIONS as CHANNELS
from abeja_emulator.services.datalake.operations_datasources import OPERATIONS as DATASOURCES
from abeja_emulator.services.datalake.operations_files import OPERATIONS as FILES

OPERATIONS = (*CHANNELS, *DATASOURCES, *FILES)
