"""What models share that infer what is known by construction."""
