"""What ships trained: an attention model for tours, a classifier of digits."""
