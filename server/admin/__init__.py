"""What admins see: cameras and their configuration, devices, accounts, the audit log."""
