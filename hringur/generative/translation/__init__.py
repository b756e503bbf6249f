"""Translation between two sets of images with no pairs to learn from: the model, five methods."""
