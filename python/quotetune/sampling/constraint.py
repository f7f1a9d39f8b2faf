"""Constrained decoding: a response is one or more of the given strings, and nothing else.

vLLM gets a grammar, with which a string may be spelt with any tokens. transformers gets a trie of
the tokens of each string, with which a string has the tokens that it has on its own.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

# llguidance, vLLM's backend for grammars, compiles 100,000 titles in half a second and does not
# finish 300,000.
MOST_CHOICES = 100_000
MOST_CHARACTERS = 3_000_000


@dataclass(frozen=True)
class Constraint:
    """What may be generated: from one to `most` strings, and the end of the text.

    Each string is `before`, one of the choices, and `after`. None of the strings may be the start
    of another one.

    Attributes:
        before: The start of every string.
        choices: The part in which the strings differ.
        after: The end of every string.
        most: The largest number of strings in one response.
    """

    before: str
    choices: list[str]
    after: str
    most: int

    @property
    def strings(self) -> list[str]:
        """The strings themselves, in the order of the choices."""
        return [f"{self.before}{choice}{self.after}" for choice in self.choices]

    @property
    def max_tokens(self) -> int:
        """A number of tokens that is always enough: one per byte, and one for the end."""
        longest = max(len(string.encode()) for string in self.strings)
        return self.most * longest + 1

    def grammar(self) -> str:
        r"""Return the grammar, in the form of Lark that llguidance reads.

        Example:
            >>> print(Constraint(" [", ["Ice", 'The "X"'], "]", 3).grammar())
            start: STRING{1,3}
            STRING: " [" CHOICE "]"
            CHOICE: "Ice" | "The \"X\""
        """
        before, after, *choices = (
            json.dumps(text, ensure_ascii=False)
            for text in (self.before, self.after, *self.choices)
        )
        return (
            f"start: STRING{{1,{self.most}}}\n"
            f"STRING: {before} CHOICE {after}\n"
            f"CHOICE: {' | '.join(choices)}"
        )


class TokenTrie:
    """The tokens that may follow those that were generated."""

    def __init__(self, constraint: Constraint, tokenizer: Any, ends: Collection[int]) -> None:
        """Tokenise the strings, each on its own.

        Args:
            constraint: What may be generated.
            tokenizer: The model's tokenizer.
            ends: The model's end-of-text tokens.
        """
        self._most = constraint.most
        self._ends = list(ends)
        self._root: dict[int, Any] = {}
        for tokens in tokenizer(constraint.strings, add_special_tokens=False)["input_ids"]:
            node = self._root
            for token in tokens:
                node = node.setdefault(token, {})

    def allowed(self, generated: Sequence[int]) -> list[int]:
        """Return the tokens that may come next; after the end, only the end may."""
        node, done = self._root, 0
        for token in generated:
            if token not in node:
                return self._ends
            node = node[token]
            if not node:  # a string is complete: none is the start of another one
                node, done = self._root, done + 1
        if node is not self._root or not done:
            return list(node)
        return self._ends if done == self._most and self._ends else [*self._root, *self._ends]

    def after(self, width: int) -> Callable[[int, Any], list[int]]:
        """Return the `prefix_allowed_tokens_fn` of `generate` for prompts of `width` tokens."""
        return lambda _, ids: self.allowed(ids[width:].tolist())
