"""The labeling API under load, beside the same SQL under pgbench."""
