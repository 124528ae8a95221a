"""How the server does: `/readyz` and `/metrics`, of the web process and of the stream process."""
