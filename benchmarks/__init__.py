"""How fast prefloop is beside TRL and transformers: `make bench`. Times are measured and reported, never asserted."""
