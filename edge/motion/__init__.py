"""The motion gate: a quiet scene costs decoding only."""
