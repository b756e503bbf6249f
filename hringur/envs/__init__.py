"""Gymnasium environments: NumPy only, no torch."""
