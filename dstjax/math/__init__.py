"""Distances, Bellman operators and losses: pure functions that know no network, environment or configuration."""
