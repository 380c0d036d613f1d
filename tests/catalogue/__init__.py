"""Tests of the catalogue of failures."""
