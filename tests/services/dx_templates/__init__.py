"""Tests of dx templates."""
