"""The guide and the top-p filter of one engine, which search for the most probable tokens once."""

from collections.abc import Sequence
from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor

from quotetune.decoding.vllm import QuoteGuide
from quotetune.sampling.nucleus import CANDIDATES, nucleus_processor


def guided_nucleus(top_p: float) -> list[type[LogitsProcessor]]:
    """Make the logits processors of a guide and of a top-p filter, for `vllm.LLM`.

    The guide comes first in a step. It adds to the logits of the most probable tokens, and the
    temperature keeps their order, so the tokens that it finds are those that the filter looks for.
    No other processor and no penalty may come between. Steps with rows that are not guided are
    searched twice.

    Args:
        top_p: As for `nucleus.keep_nucleus`.
    """
    found: torch.Tensor | None = None

    class Guide(QuoteGuide):
        """The guide, which keeps what it finds."""

        def steer(
            self, logits: torch.Tensor, rows: Sequence[int], responses: Sequence[Any]
        ) -> None:
            """See `QuoteGuide`."""
            nonlocal found
            found = self._guidance.steer(logits, rows, responses, CANDIDATES[0])

    def of_all_rows(rows: int) -> torch.Tensor | None:
        return found if found is not None and len(found) == rows else None

    return [Guide, nucleus_processor(top_p, of_all_rows)]
