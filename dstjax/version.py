"""The package's version, importable without importing JAX."""

__version__ = "0.1.0"
