"""Finding cameras and asking for their streams (ONVIF): what an admin needs to write a camera file."""
