"""Tests of the command, in processes of their own."""
