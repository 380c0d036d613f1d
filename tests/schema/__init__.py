"""Requests that are made up from the OpenAPI document, against a platform that has one of everything."""
