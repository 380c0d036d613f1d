"""OpsBeeLLM: what was asked of language models, and what they answered."""
