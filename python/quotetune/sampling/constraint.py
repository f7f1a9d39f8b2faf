"""Constrained decoding: a response is one or more of the given strings, and nothing else.

vLLM gets a grammar, with which a string may be spelt with any tokens. More strings than a grammar
can have, and all strings with transformers, are a trie of tokens, with which a string has the
tokens that it has on its own. The ids in the pairs that a policy is trained on have the same ones.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from quotetune.corpus.token_trie import TokenTrie
from quotetune.runtime.whole_files import RESUME, read_json, write_text

# The file beside a job that has its constraint, which can have millions of strings.
CONSTRAINT_NAME = "constraint.json"
MOST_CHOICES = 10_000_000
MOST_CHARACTERS = 300_000_000
# llguidance, vLLM's backend for grammars, compiles 100,000 titles in half a second and does not
# finish 300,000.
GRAMMAR_CHOICES = 100_000
GRAMMAR_CHARACTERS = 3_000_000
_TOKENISED_TOGETHER = 10_000


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
    def strings(self) -> Iterator[str]:
        """The strings themselves, in the order of the choices."""
        return (f"{self.before}{choice}{self.after}" for choice in self.choices)

    @property
    def max_tokens(self) -> int:
        """A number of tokens that is always enough: one per byte, and one for the end."""
        longest = max(len(string.encode()) for string in self.strings)
        return self.most * longest + 1

    @property
    def fits_grammar(self) -> bool:
        """Whether the choices are few enough for a grammar."""
        characters = sum(map(len, self.choices))
        return len(self.choices) <= GRAMMAR_CHOICES and characters <= GRAMMAR_CHARACTERS

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

    def write(self, path: Path) -> str:
        """Write the constraint as JSON; return a hash of all of it."""
        text = json.dumps(vars(self), ensure_ascii=False)
        write_text(path, text, remedy=RESUME)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @classmethod
    def read(cls, path: Path) -> "Constraint":
        """Read what `write` wrote."""
        return cls(**read_json(path))


def token_trie(constraint: Constraint, tokenizer: Any, ends: Collection[int]) -> TokenTrie:
    """Tokenise the strings of a constraint, each on its own.

    A string that its tokens do not spell is left out, because it has a character that the tokenizer
    does not know or that it replaces. The name of a special token is text like any other.

    Args:
        constraint: What may be generated.
        tokenizer: The model's tokenizer.
        ends: The model's end-of-text tokens.

    Raises:
        UsageError: No string is left.
    """
    return TokenTrie(_sequences(constraint, tokenizer), constraint.most, list(ends))


def _sequences(constraint: Constraint, tokenizer: Any) -> Iterator[Sequence[int]]:
    strings = constraint.strings
    while some := list(islice(strings, _TOKENISED_TOGETHER)):
        found = tokenizer(some, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        spelt = tokenizer.batch_decode(found, skip_special_tokens=True)
        for string, tokens, text in zip(some, found, spelt, strict=True):
            # Some tokenizers drop the space at the start of a text.
            if text.strip() == string.strip():
                yield tokens
