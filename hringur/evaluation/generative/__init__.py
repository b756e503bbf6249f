"""Generative models measured: reports of one model, and comparisons of several."""
