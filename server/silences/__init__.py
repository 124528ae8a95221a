"""Silences, maintenance windows and inhibition: what keeps alerts back, never what is recorded."""
