"""The rows of the queue, and the only code that changes them."""
