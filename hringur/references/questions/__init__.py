"""The best that is known of the lecture's discrete questions, each exact."""
