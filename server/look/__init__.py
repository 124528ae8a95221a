"""What officers see of cameras besides events: the newest still of each, and a live look for a minute."""
