"""The catalogue of failures: a page each, with symptom, cause, exception, remedy and a test that shows it."""
