"""Learners that make discrete decisions."""
