"""Known optima and classic heuristics."""
