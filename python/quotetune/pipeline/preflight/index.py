"""Check that the index can answer the questions of a run."""

from pathlib import Path

from quotetune.citations.ids import is_citable
from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.corpus.index import Index
from quotetune.corpus.verify import check_identities
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
        # A run asks for documents by their names, and takes long enough for this.
        check_identities(index)
    except QuotetuneError as error:
        return None, [Problem("index", str(error))]
    if not index.has_suffix_index:
        text = (
            f"{path} has no suffix index, which finds quotes: build it again with"
            " --structures bloom,suffix"
        )
        return None, [Problem("index", text)]
    return index, []


def citation_problems(index: Index) -> list[Problem]:
    """Check that the documents of an index have ids that can be cited."""
    if any(is_citable(id) for _, id in index.document_names()):
        return []
    text = (
        f"no document of {index.path} has an id without brackets and line breaks: give them such"
        " ids"
    )
    return [Problem("pairs.citations", text)]


def guide_problems(config: Config, index: Index) -> list[Problem]:
    """Check that the index can guide as `sampling.guide` and the one of the evaluation say."""
    problems = []
    blocks = {"sampling": config.sampling, "evaluation.sampling": config.evaluation_sampling}
    for block, sampling in blocks.items():
        guide = sampling.guide
        if guide is None or (block != "sampling" and guide == config.sampling.guide):
            continue
        if guide.mode == "verbatim" and "suffix" not in index.structures:
            text = (
                f"verbatim needs short texts, which {index.path} does not find: build it again"
                " with --structures bloom,suffix"
            )
            problems.append(Problem(f"{block}.guide.mode", text))
        elif guide.mode is None and "suffix" not in index.structures and guide.max_chars < index.n:
            text = (
                f"is {guide.max_chars}, but {index.path} finds no match of fewer than {index.n}"
                f" characters: set it to {index.n} or more"
            )
            problems.append(Problem(f"{block}.guide.max_chars", text))
    return problems
