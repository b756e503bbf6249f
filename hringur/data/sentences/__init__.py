"""Sentences of several styles that ship with the package, or from a file."""
