"""Gaps, intervals, comparisons and pictures."""
