"""Detector weights, and the builder that makes the embedded ones again."""
