"""The other side, run in an environment of its own: `python -m benchmarks.baseline KIND SHAPE DTYPE`."""
