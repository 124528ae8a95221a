"""`langan-edge models`: list, fetch, export, quantise and time the detectors that camera files may name."""
