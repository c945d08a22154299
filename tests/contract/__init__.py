"""The vendors' own SDKs against the deployed webhook."""
