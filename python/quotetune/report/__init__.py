"""`report.html`: one self-contained page about a finished run.

`run_files` reads what a run has left, `responses` marks the quotes of its held-out responses,
`charts` draws, `content` gathers it all, and `page` puts it into the templates.
"""

from quotetune.report.page import write_report

__all__ = ["write_report"]
