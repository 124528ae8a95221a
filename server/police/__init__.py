"""What officers see: the wall of live alerts and the incident page."""
