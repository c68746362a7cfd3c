"""What a run amounts to: the table at its end, and a page to read it on."""

from dstjax.report.table import interval_text, summary_table

__all__ = ["interval_text", "summary_table"]
