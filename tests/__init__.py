"""Everything that is tested outside the crates: stand-ins, contracts, journeys, fixtures."""
