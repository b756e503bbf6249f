"""A package, since some of its files have namesakes in tests/evaluation."""
