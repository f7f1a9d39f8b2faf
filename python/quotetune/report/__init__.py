"""`report.html`, one self-contained page about a finished run, and `summary.md`.

`run_files` reads the run, `marked_responses` marks the quotes of its held-out responses, `charts`
draws, `content` gathers everything, and `page` fills the templates. `summary` ends a run.
"""

from quotetune.report.page import write_report

__all__ = ["write_report"]
