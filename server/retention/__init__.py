"""Retention: how long what is kept, what a hold keeps longer, and what was deleted."""
