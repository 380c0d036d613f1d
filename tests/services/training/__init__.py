"""Tests of job definitions, versions and jobs."""
