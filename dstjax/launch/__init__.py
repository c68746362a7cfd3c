"""Launchers: how the shards of a sweep become processes, here or on a cluster."""

LAUNCHERS = ("local", "slurm", "hosts", "none")
