"""Gradient estimators: pure functions of tensors."""
