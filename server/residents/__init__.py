"""What residents see: the redacted log, and which cameras watch."""
