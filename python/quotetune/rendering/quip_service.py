"""QUIP in the format of the reference service: the response of data-portraits' `POST /quip`."""

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby
from typing import Any


def service_response(idx: int, doc: str, is_member: Sequence[bool], n: int) -> dict[str, Any]:
    """Describe a text in the format of the reference service.

    `badness` is longest_chain / expected_longest, and `expected_longest` is the number of windows
    divided by n. That is the longest chain of a text that occurs once, as a whole, in a corpus
    whose filter contains every n-th n-gram (Marone and Van Durme 2023). The filters of QUIP contain
    every n-gram, so a text that is quoted as a whole has a badness of n. Both numbers are 0 for a
    text that is too short.

    Args:
        idx: Position of the text in the request.
        doc: The text, normalised.
        is_member: For each window of n characters whether it occurs in the corpus.
        n: Length of a window.

    Returns:
        The response. `segments` are all windows. `chains` are the maximal runs of windows that
        occur in the corpus, longest first; a chain contains no text outside such windows.
        `chain_idxs` are the positions of each chain's windows in `segments`.

    Example:
        >>> response = service_response(0, "abcdef", [True, False, True, True], 3)
        >>> response["chains"], response["chain_idxs"]
        ([['cde', 'def'], ['abc']], [[2, 3], [0]])
        >>> response["longest_chain"], response["quip_report"]["quip_25_beta"]
        (2, 0.75)
    """
    windows = len(is_member)
    numerator = sum(is_member)
    segments = [doc[at : at + n] for at in range(windows)]
    runs = [list(run) for held, run in groupby(range(windows), is_member.__getitem__) if held]
    runs.sort(key=len, reverse=True)
    longest = len(runs[0]) if runs else 0
    expected = windows / n
    return {
        "idx": idx,
        "doc": doc,
        "segments": segments,
        "is_member": list(is_member),
        "chains": [[segments[at] for at in run] for run in runs],
        "chain_idxs": runs,
        "longest_chain": longest,
        "expected_longest": expected,
        "badness": longest / expected if windows else 0.0,
        "quip_report": {
            "too_short": windows == 0,
            "numerator": numerator,
            "denominator": windows,
            "quip_25_beta": numerator / windows if windows else None,
        },
    }


def formatted_quotes(doc: str, chain_idxs: Sequence[Sequence[int]], n: int) -> dict[str, str]:
    """Mark the quotes of a text as the reference service does if it is asked to format them.

    A character that is in k chains has k brackets around it in `quote_text`, and a darker colour in
    `quote_latex`, which needs the package `soul` and a colour named `quoted`.

    Args:
        doc: The text, normalised.
        chain_idxs: The positions of each chain's windows.
        n: Length of a window.

    Returns:
        `quote_latex` and `quote_text`.

    Example:
        >>> formatted_quotes("abcdef", [[2, 3], [0]], 3)["quote_text"]
        '[ab][[c]][def]'
    """
    changes = [0] * (len(doc) + 1)
    for chain in chain_idxs:
        changes[chain[0]] += 1
        changes[chain[-1] + n] -= 1
    depths = list(accumulate(changes[:-1]))
    return {
        "quote_latex": _marked(
            doc, depths, lambda k: rf"{{\sethlcolor{{quoted!{20 * k}}}\hl{{", lambda _: "}}"
        ),
        "quote_text": _marked(doc, depths, lambda k: "[" * k, lambda k: "]" * k),
    }


def _marked(
    doc: str, depths: Sequence[int], opening: Callable[[int], str], closing: Callable[[int], str]
) -> str:
    pieces = []
    for depth, places in groupby(range(len(doc)), depths.__getitem__):
        text = "".join(doc[place] for place in places)
        pieces.append(opening(depth) + text + closing(depth))
    return "".join(pieces)
