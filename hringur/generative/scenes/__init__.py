"""Scenes of several objects: batches, boxes on them, and the network that explains them."""
