"""The Flask server: ingest, incidents, live alerts, evidence, accounts, audit."""
