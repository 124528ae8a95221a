"""Notifications: who is told of an incident, on which channel, and what became of it."""
