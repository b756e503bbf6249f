"""The page to play with: static files whose networks run in the visitor's browser."""
