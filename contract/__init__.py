"""What edge and server share: events, rule parameters and facts, camera and site configuration.

This package imports neither side and no numpy, cv2, flask or sqlalchemy, so that either side can be replaced
(or rewritten in another language from the generated JSON Schemas) without touching it.
"""
