"""The methods of the comparison: one table, the options that change a row, and what cannot work together."""

from dstjax.methods.checks import check, check_axes, idle_numbers, steps_per_cycle, ticks_per_cycle
from dstjax.methods.table import METHODS, OPTIONS, Method, get, resolve

__all__ = [
    "METHODS", "OPTIONS", "Method", "check", "check_axes", "get", "idle_numbers", "resolve", "steps_per_cycle",
    "ticks_per_cycle",
]  # fmt: skip
