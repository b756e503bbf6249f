"""``hringur mix`` and ``hringur edit``: pictures made of the user's own images."""
