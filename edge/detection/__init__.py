"""Finds people and vehicles in pictures: the embedded model, a user's own, and the worker that serves all cameras."""
