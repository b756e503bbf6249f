"""reinforce."""
