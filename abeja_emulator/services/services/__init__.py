"""HTTP services of a deployment."""
