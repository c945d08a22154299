"""The whole system, played through."""
