"""Results of asynchronous requests: what a model answered after its caller had gone."""
