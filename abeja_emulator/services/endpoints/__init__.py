"""Endpoints: fixed addresses of a deployment's services."""
