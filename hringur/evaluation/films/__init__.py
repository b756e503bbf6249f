"""Films and figures of single episodes."""
