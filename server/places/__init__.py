"""Provinces, communes and villages: their tree, and site.yaml."""
