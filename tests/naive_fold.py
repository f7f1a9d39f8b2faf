"""The oracle of `fold`: computed slowly and plainly, with the tables of Python."""

import unicodedata

Span = tuple[int, int]

LEFT_OUT = "\u00ad\u200b\u2060\ufeff"
STRAIGHT = (
    dict.fromkeys("‘’‚‛‹›ʻʼ", "'")
    | dict.fromkeys("“”„‟«»⹂〝〞〟", '"')
    | dict.fromkeys("‐‑‒–—―−֊־᐀᠆⸗⸚⸺⸻⹀⹝゠\U00010ead", "-")
)


def fold(text: str, case: bool) -> str:
    """Apply the definition as the passes it is."""
    text = "".join(c for c in text if c not in LEFT_OUT)
    if case:
        text = unicodedata.normalize("NFKD", text).casefold()
    return "".join(STRAIGHT.get(c, c) for c in unicodedata.normalize("NFKC", text))


def fold_with_origins(text: str, case: bool) -> tuple[str, list[Span]]:
    """Give the folded text and, for each of its characters, the span that it came from."""
    parts = [
        (part, (at, at + 1))
        for at, c in enumerate(text)
        if c not in LEFT_OUT
        for part in unicodedata.normalize("NFKD", c)
    ]
    parts = _in_order(parts)
    if case:
        parts = [(folded, span) for part, span in parts for folded in part.casefold()]
    parts = _composed(parts)
    return "".join(STRAIGHT.get(c, c) for c, _ in parts), [span for _, span in parts]


def _in_order(parts: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """Let neighbouring marks change places until their classes ascend."""
    parts = list(parts)
    changed = True
    while changed:
        changed = False
        for i in range(len(parts) - 1):
            first, second = (unicodedata.combining(c) for c, _ in parts[i : i + 2])
            if first > second > 0:
                parts[i], parts[i + 1] = parts[i + 1], parts[i]
                changed = True
    return parts


def _composed(parts: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    kept: list[tuple[str, Span]] = []
    for c, (start, end) in parts:
        to = len(kept) - 1
        while to >= 0 and unicodedata.combining(kept[to][0]):
            to -= 1
        if to >= 0:
            base, (base_start, base_end) = kept[to]
            between = [unicodedata.combining(other) for other, _ in kept[to + 1 :]]
            pair = unicodedata.normalize("NFC", base + c)
            # A letter alone may have another normal form, but there is none among decomposed ones.
            if len(pair) == 1 and all(0 < other < unicodedata.combining(c) for other in between):
                kept[to] = pair, (min(base_start, start), max(base_end, end))
                continue
        kept.append((c, (start, end)))
    return kept
