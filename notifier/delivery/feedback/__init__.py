"""Feedback: what the provider's webhook says became of a mail."""
