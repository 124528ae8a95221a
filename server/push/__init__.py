"""Web push: the site's key, what browsers subscribed to, and the sealed messages that push services carry for us."""
