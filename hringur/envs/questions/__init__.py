"""The lecture's discrete questions as environments, each with a known optimum."""
