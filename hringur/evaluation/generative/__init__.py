"""Results of generative models: measures beside references, and comparisons."""
