"""The deployed stack as tests use it: an instance of its own, and what can be seen in it."""
