"""The control API: how a person, a test or the command looks at a running server and steers it."""
