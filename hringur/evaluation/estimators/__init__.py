"""The bench of gradient estimators."""
