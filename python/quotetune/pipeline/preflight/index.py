"""Check that the index can answer the questions of a run."""

from pathlib import Path

from quotetune.citations.form import is_citable
from quotetune.config.problem import Problem
from quotetune.corpus.index import Index
from quotetune.errors import QuotetuneError


def open_index(path: Path) -> tuple[Index | None, list[Problem]]:
    """Open the index if it can answer the questions of a run; otherwise, say what is wrong."""
    if not path.exists():
        text = (
            f"{path} does not exist: build it with `quotetune build-index CORPUS -o {path}`, or"
            " correct the path"
        )
        return None, [Problem("index", text, to_provide=True)]
    try:
        index = Index.open(path)
    except QuotetuneError as error:
        return None, [Problem("index", str(error))]
    if not {"suffix", "lean"} & set(index.structures):
        text = (
            f"{path} has no suffix index, which finds quotes: build it again with both structures"
        )
        return None, [Problem("index", text)]
    return index, []


def citation_problems(index: Index) -> list[Problem]:
    """Check that the documents of an index have ids that can be cited."""
    if any(is_citable(document.id) for document in index.documents()):
        return []
    text = (
        f"no document of {index.path} has an id without brackets and line breaks: give them such"
        " ids"
    )
    return [Problem("pairs.citations", text)]
