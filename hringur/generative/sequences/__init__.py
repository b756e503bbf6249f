"""What models of strings share: batches by length, masks of what may follow, networks."""
