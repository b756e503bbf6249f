"""Words of several languages that ship with the package."""
