"""Runs for a server: a finished one, one with hostile texts, and one that has only begun."""

import shutil
from pathlib import Path

from finished_run import ANSWERS, response_row, write_responses, write_run
from quotetune import Index

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \u2028 {{ 7 * 7 }}"
SAMPLES = 3


def write_runs(folder: Path) -> list[object]:
    """Write the runs and their index, and return the arguments of `quotetune serve` for them."""
    run = write_run(folder, rounds=2)
    index = Index.open(folder / "index")
    rows = [
        response_row(index, f"p{place}", f"{drawn[1]} {sample}") | {"sample": sample}
        for place, drawn in enumerate(ANSWERS.values())
        for sample in range(SAMPLES)
    ]
    write_responses(run / "evaluation/round-1/metrics/responses.parquet", rows)
    hostile = {HOSTILE: (HOSTILE, f"The quick brown fox {HOSTILE}")}
    write_run(folder / "hostile", answers=hostile, name="<i>x", model={"path": HOSTILE})
    begun = folder / "begun"
    begun.mkdir()
    shutil.copy(run / "config.yaml", begun)
    runs = [run, f"evil={folder / 'hostile' / '<i>x'}", begun]
    return [folder / "index", *(part for run in runs for part in ("--run", run))]
