"""Gradient estimators: from samples and their costs to the gradient of the expected cost."""
