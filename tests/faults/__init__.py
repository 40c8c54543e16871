"""The loop is killed, cut off and starved on purpose, and goes on."""
