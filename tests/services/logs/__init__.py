"""Tests of the logs that services, runs and notebooks have."""
