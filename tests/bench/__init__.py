"""What an event costs and how fast a function starts: `python3 -m tests.bench`; see README.md beside this."""
