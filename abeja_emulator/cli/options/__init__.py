"""What may stand on the command line, a family of commands a module; imports nothing of what it starts."""
