"""Decoding of citations only: each backend is told which ids there are.

What may be generated is one to `most` citations, ` [id]` each, and the end of the text. vLLM gets a
grammar, under which an id may be spelt with any tokens; transformers a trie of the tokens of each
citation, under which it has those that it is trained with.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from quotetune.citations.form import citation
from quotetune.citations.tokens import citation_tokens

# What llguidance, vLLM's backend for it, compiles: 100,000 titles in half a second, 300,000 never.
MOST_IDS = 100_000
MOST_CHARACTERS = 3_000_000


@dataclass(frozen=True)
class CitationConstraint:
    """What may be generated.

    Attributes:
        ids: The ids, all citable.
        most: At most so many citations.
    """

    ids: list[str]
    most: int

    @property
    def max_tokens(self) -> int:
        """Tokens that are always enough: one a byte, and the end."""
        longest = max(len(citation(id).encode()) for id in self.ids)
        return self.most * longest + 1

    def grammar(self) -> str:
        r"""Return the grammar, in the form of Lark that llguidance reads.

        Example:
            >>> print(CitationConstraint(["Ice", 'The "X"'], 3).grammar())
            start: CITATION{1,3}
            CITATION: " [" ID "]"
            ID: "Ice" | "The \"X\""
        """
        ids = " | ".join(json.dumps(id, ensure_ascii=False) for id in self.ids)
        return f'start: CITATION{{1,{self.most}}}\nCITATION: " [" ID "]"\nID: {ids}'


class CitationTrie:
    """Says which tokens may follow others that stand behind a response."""

    def __init__(
        self, constraint: CitationConstraint, tokenizer: Any, ends: Collection[int]
    ) -> None:
        """Tokenise the citations.

        Args:
            constraint: What may be generated.
            tokenizer: The model's tokenizer.
            ends: The model's end-of-text tokens.
        """
        self._most = constraint.most
        self._ends = list(ends)
        self._root: dict[int, Any] = {}
        for tokens in citation_tokens(constraint.ids, tokenizer):
            node = self._root
            for token in tokens:
                node = node.setdefault(token, {})

    def allowed(self, generated: Sequence[int]) -> list[int]:
        """Return the tokens that may come next; the end goes on for ever."""
        node, done = self._root, 0
        for token in generated:
            if token not in node:
                return self._ends
            node = node[token]
            if not node:  # no citation begins another one: each ends with the only ]
                node, done = self._root, done + 1
        if node is not self._root or not done:
            return list(node)
        return self._ends if done == self._most and self._ends else [*self._root, *self._ends]

    def behind(self, width: int) -> Callable[[int, Any], list[int]]:
        """Return the `prefix_allowed_tokens_fn` of `generate` for prompts of `width` tokens."""
        return lambda _, ids: self.allowed(ids[width:].tolist())
