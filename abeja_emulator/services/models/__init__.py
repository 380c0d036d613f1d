"""Models: those of a job definition, and the older ones of an organization."""
