"""Job definitions, their versions, training jobs, statistics and results."""
