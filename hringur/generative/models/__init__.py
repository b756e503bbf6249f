"""One file for each generative model: its settings, its networks and its loss."""
