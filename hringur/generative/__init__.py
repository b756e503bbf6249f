"""Generative models of images: each in its own file, its loss readable as the equation."""
