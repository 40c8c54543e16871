"""When the loop stops itself: a guard a file, each a pure function of what the store saw (evidence.py); guards.py."""
