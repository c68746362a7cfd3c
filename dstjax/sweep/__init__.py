"""Sweeps: a YAML file of methods, tasks, numbers and shapes becomes a directory of runs, each a shard of the whole."""
