"""Results on tours: gaps to the optimum, tables and figures."""
