"""Simulated worlds with exact truth: how right the rules are, measured. `python -m bench.worlds`."""
