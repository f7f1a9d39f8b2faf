"""QUIP in the format of the reference service: the response of data-portraits' `POST /quip`."""

from collections.abc import Sequence
from itertools import groupby
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
