"""Networks written for programs without torch."""
