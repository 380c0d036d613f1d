"""Model handlers that answer: their processes, what is asked of them and what they say, services and runs."""
