"""Write a run's report: one HTML file that needs no other file and loads nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from quotetune.corpus.index import Index
from quotetune.pages.template_files import content_hash, joined_files, template_environment
from quotetune.report.content import page_content
from quotetune.report.run_files import RunFiles, read_run
from quotetune.runtime.console import say
from quotetune.runtime.whole_files import write_text

REPORT_NAME = "report.html"


def write_report(run: Path, index: Path | None = None) -> Path:
    """Write `report.html` into the directory of a finished run.

    Args:
        run: The run's directory.
        index: The index of the corpus; None for the one that the config names. If that one no
            longer exists, the report does not mark quotes.

    Returns:
        The file.

    Raises:
        UsageError: The run is not finished.
        QuotetuneError: The index cannot be read.
    """
    files = read_run(run)
    page = render(page_content(files, _open_index(files, index)))
    write_text(run / REPORT_NAME, page)
    return run / REPORT_NAME


def _open_index(files: RunFiles, index: Path | None) -> Index | None:
    if index is None:
        index = Path(files.config["index"])
        if not index.exists():
            say(f"{index}: no such index, so the report marks no quotes: name it with --index")
            return None
    return Index.open(index)


def render(content: Mapping[str, Any]) -> str:
    """Fill the template.

    The page's policy lets only its own script and style run, which it knows by their hashes, and
    nothing load. If text of the run were taken for HTML by mistake, it could still do no harm.

    Args:
        content: The result of `page_content`.

    Returns:
        The page.
    """
    environment = template_environment("quotetune.report")
    style = joined_files(environment, "look.css", "figures.css", "report.css")
    script = joined_files(environment, "elements.js", "quote_box.js", "sources.js", "responses.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{content_hash(style)}';"
        f" script-src '{content_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html").render(
        {**content, "browsing": script_json(content["browsing"])},
        style=Markup(style),
        script=Markup(script),
        policy=policy,
    )


def script_json(value: Any) -> Markup:
    r"""Write JSON that is safe inside a `script` element, which ends at the first `</script`.

    Example:
        >>> print(script_json("</script>"))
        "\u003c/script>"
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))
