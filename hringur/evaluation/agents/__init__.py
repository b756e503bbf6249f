"""Results of agents: scores with intervals, comparisons and pictures."""
