"""The database: models, types, engine and transactions."""
