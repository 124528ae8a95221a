"""What shows an event: snapshots, redacted copies, clips, and the folder that holds them."""
