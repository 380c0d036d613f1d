"""How user code runs: images, environment, directories, the training process."""
