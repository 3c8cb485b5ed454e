"""Goals and tasks in their own database, and sessions kept busy with them."""
