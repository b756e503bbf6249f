"""tours."""
