"""Loaders and tables, each with source, licence and checks."""
