"""What traffic lights show: read from the picture, asked over HTTP, or known from a plan."""
