"""A stand-in for Kantata OX (formerly Mavenlink): projects, tasks, rate cards, time and its polled event log."""
