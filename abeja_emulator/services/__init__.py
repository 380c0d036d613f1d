"""One folder a service of the platform: its records, its rules, its operations."""
