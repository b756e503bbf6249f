"""What the models are for: images mixed, attributes edited; each measured against a known truth."""
