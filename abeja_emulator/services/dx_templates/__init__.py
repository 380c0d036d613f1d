"""Templates of DX."""
