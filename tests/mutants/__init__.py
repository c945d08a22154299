"""Deliberate breakages of our own guards, and the proof that a test or the simulation notices each."""
