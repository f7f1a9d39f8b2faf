"""A labelled set for decontamination: evaluation items, and documents that contain one or none.

The items are made from sentences of one half of the demo's documents. The documents are those of
the other half, as they are (clean) or with an item in them.
"""

import random
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quotetune.datawork.evaluation_items import Item

CLEAN, COPIED, EMBEDDED, WRAPPED, TYPOGRAPHY, REWORDED = (
    "clean",
    "copied",
    "embedded in other text",
    "with lines wrapped anew",
    "case and typography changed",
    "reworded",
)
KINDS = (CLEAN, COPIED, EMBEDDED, WRAPPED, TYPOGRAPHY, REWORDED)
_SENTENCE = re.compile(r"(?<=[a-z0-9)]\.) (?=[A-Z])")
_CLOZE, _BOTH, _CHOICE = range(3)
_TITLES = ("Exercise", "Quiz of the week", "Study notes", "Question", "Sample exam")
_CURLY = str.maketrans({"'": "\u2019", "-": "\u2010", '"': "\u201d"})


@dataclass(frozen=True)
class LabelledDocument:
    """A document, and what is in it.

    Attributes:
        text: The document.
        kind: One of `KINDS`.
        item: The number of the item that it contains; None if it is clean.
    """

    text: str
    kind: str
    item: int | None


def labelled_set(
    texts: Sequence[str], per_kind: int, seed: int = 0
) -> tuple[list[Item], list[LabelledDocument]]:
    """Make items and documents.

    Args:
        texts: Documents to make both of; each is used for one of them only.
        per_kind: Documents of each kind that contain an item. All other held-out documents are
            clean, and so is one with the same boilerplate for each item.
        seed: Seed of all choices.

    Returns:
        The items, and the documents in random order.
    """
    draw = random.Random(seed)
    shuffled = draw.sample(list(texts), len(texts))
    half = len(shuffled) // 2
    sentences = [
        sentence
        for text in shuffled[:half]
        for sentence in _SENTENCE.split(" ".join(text.split()))[1:]
        if 60 <= len(sentence) <= 300
    ]
    chosen = draw.sample(sentences, min(len(sentences), per_kind * 2))
    items = [_item(draw, number, sentence) for number, sentence in enumerate(chosen)]
    clean = shuffled[half:]
    documents = [LabelledDocument(text, CLEAN, None) for text in clean]
    # Documents with the boilerplate of an item around another sentence, which is in no item.
    others = [s for text in clean for s in _SENTENCE.split(" ".join(text.split())) if len(s) > 60]
    for number in range(min(per_kind, len(others))):
        near = _item(draw, number, others[number])
        documents.append(LabelledDocument(_written(draw, near), CLEAN, None))
    for kind, change in _CHANGES.items():
        for number in draw.sample(range(len(items)), min(per_kind, len(items))):
            changed = change(draw, _written(draw, items[number]), draw.choice(clean))
            documents.append(LabelledDocument(changed, kind, number))
    return items, draw.sample(documents, len(documents))


def _item(draw: random.Random, number: int, sentence: str) -> Item:
    """Make a question and an answer of a sentence."""
    words = sentence.split()
    form = draw.randrange(3)
    if form == _CLOZE:
        cut = draw.randint(len(words) // 2, len(words) - 1)
        question = f"Complete the sentence: {' '.join(words[:cut])} ____"
        answer = " ".join(words[cut:])
    elif form == _BOTH:
        question, answer = f"True or false? {sentence}", "true"
    else:
        question = f"Which of the following is described here? {sentence}"
        answer = draw.choice(words).strip(".,()")
    return Item("labelled", str(number), (question, answer))


def _written(draw: random.Random, item: Item) -> str:
    question, answer = item.texts
    return f"{draw.choice(_TITLES)}\n\n{question}\nAnswer: {answer}"


def _copied(draw: random.Random, item: str, other: str) -> str:
    return item


def _embedded(draw: random.Random, item: str, other: str) -> str:
    place = other.find(" ", draw.randrange(max(1, len(other))))
    return f"{other[:place]}\n{item}\n{other[place:]}"


def _wrapped(draw: random.Random, item: str, other: str) -> str:
    """Wrap lines as an e-mail or a PDF does, some of them indented or quoted."""
    indent = draw.choice(["", "    ", "\t"])
    width = draw.randint(50, 100)
    wrapped = textwrap.fill(item, width, initial_indent=indent, subsequent_indent=indent)
    return _embedded(draw, wrapped, other)


def _typography(draw: random.Random, item: str, other: str) -> str:
    text = draw.choice([item, item.upper(), item.lower(), item.title()]).translate(_CURLY)
    return _embedded(draw, text.replace("fi", "\ufb01") if draw.random() < 0.5 else text, other)


def _reworded(draw: random.Random, item: str, other: str) -> str:
    """Exchange every fourth word or so with another one of the document around."""
    words = item.split()
    spare = other.split()
    for place in range(draw.randrange(3), len(words), draw.choice([3, 4])):
        words[place] = draw.choice(spare)
    return _embedded(draw, " ".join(words), other)


_CHANGES: dict[str, Callable[[random.Random, str, str], str]] = {
    COPIED: _copied,
    EMBEDDED: _embedded,
    WRAPPED: _wrapped,
    TYPOGRAPHY: _typography,
    REWORDED: _reworded,
}
