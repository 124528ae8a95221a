"""The edge: reads cameras, detects and tracks, applies rules and posts events. See docs/design/architecture.md."""

__version__ = "0.1.0"
