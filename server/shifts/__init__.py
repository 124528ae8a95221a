"""Handing over from one shift of officers to the next."""
