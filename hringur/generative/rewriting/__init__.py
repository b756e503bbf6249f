"""Sentences rewritten in another style, learned without pairs."""
