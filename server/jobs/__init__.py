"""What the server does by itself: jobs in the database, and the threads or processes that do them."""
