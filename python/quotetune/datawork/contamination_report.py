"""What `decontaminate` reports: for each item and each document what they have in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from quotetune.corpus.batches import CorpusDocument
from quotetune.datawork.contamination import Finding
from quotetune.datawork.cutting import Span, united
from quotetune.datawork.item_texts import ItemTexts

# A match may be a whole document.
_SHOWN_CHARACTERS = 300

CONTAMINATED, TOUCHED, CLEAN, TOO_SHORT = "contaminated", "touched", "clean", "too short"


@dataclass
class _ItemState:
    spans: dict[int, list[Span]] = field(default_factory=dict)
    is_whole: bool = False
    longest: int = 0
    share: float = 0.0
    documents: int = 0
    contaminating: int = 0
    matches: list[dict[str, Any]] = field(default_factory=list)


class ContaminationReport:
    """Collects findings. Totals are exact, lists are bounded."""

    def __init__(
        self, texts: ItemTexts, *, whole: bool, max_matches: int, max_documents: int
    ) -> None:
        """Start a report.

        Args:
            texts: The items.
            whole: Whether items without a piece of n characters are looked for as whole words.
            max_matches: Matches to list for an item, and for a document; the longest ones.
            max_documents: Documents to list that contaminate an item, and as many that do not; the
                first ones.
        """
        self._texts = texts
        self._states = [_ItemState() for _ in texts.items]
        self._short = set() if whole else {piece.item for piece in texts.whole}
        self._short |= {
            number
            for number, characters in enumerate(texts.characters)
            if not characters and number not in {piece.item for piece in texts.whole}
        }
        self._max_matches = max_matches
        self._max_documents = max_documents
        self._listed: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        self._counts = {True: 0, False: 0}

    def add(self, document: CorpusDocument, findings: Sequence[Finding]) -> None:
        """Note what a document has in common with items."""
        if not findings:
            return
        is_contaminated = any(finding.is_contaminated for finding in findings)
        self._counts[is_contaminated] += 1
        for finding in findings:
            self._add_to_item(document, finding)
        listed = self._listed[is_contaminated]
        if len(listed) < self._max_documents:
            matches = [
                {**self._item_name(finding.item), **_judgement(finding), **_place(document, span)}
                for finding in findings
                for span in finding.places[: self._max_matches]
            ]
            matches.sort(key=lambda match: match["start"] - match["end"])
            listed.append(
                {
                    "source": document.source,
                    "id": document.id,
                    "contaminated": is_contaminated,
                    "items": len(findings),
                    "matches": matches[: self._max_matches],
                }
            )

    def _add_to_item(self, document: CorpusDocument, finding: Finding) -> None:
        state = self._states[finding.item]
        state.documents += 1
        state.contaminating += finding.is_contaminated
        state.longest = max(state.longest, finding.longest)
        state.share = max(state.share, finding.share)
        state.is_whole |= not finding.spans
        for piece, spans in finding.spans.items():
            state.spans[piece] = united([*state.spans.get(piece, []), *spans])
        state.matches += [
            {
                "source": document.source,
                "id": document.id,
                "share": round(finding.share, 4),
                "contaminated": finding.is_contaminated,
                **_place(document, span),
            }
            for span in finding.places[: self._max_matches]
        ]
        # Those of the documents that contaminate it come first, and of these the longest.
        state.matches.sort(
            key=lambda match: (-match["contaminated"], match["start"] - match["end"])
        )
        del state.matches[self._max_matches :]

    @property
    def contaminated_items(self) -> int:
        """Items that a document contaminates."""
        return sum(state.contaminating > 0 for state in self._states)

    @property
    def contaminated_documents(self) -> int:
        """Documents that contaminate an item."""
        return self._counts[True]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        items = [self._item(number) for number in range(len(self._states))]
        kinds = [CONTAMINATED, TOUCHED, CLEAN, TOO_SHORT]
        sets: dict[str, Counter[str]] = {}
        for item in items:
            sets.setdefault(item["source"], Counter())[item["status"]] += 1
        return {
            "items": {
                "count": len(items),
                **{kind.replace(" ", "_"): sum(s[kind] for s in sets.values()) for kind in kinds},
            },
            "documents": {
                "contaminated": self._counts[True],
                "touched": self._counts[False],
            },
            "evaluation_sets": {
                name: {kind.replace(" ", "_"): counts[kind] for kind in kinds}
                for name, counts in sets.items()
            },
            "item_list": items,
            "document_list": [*self._listed[True], *self._listed[False]],
        }

    def _item(self, number: int) -> dict[str, Any]:
        state, characters = self._states[number], self._texts.characters[number]
        covered = sum(end - start for spans in state.spans.values() for start, end in spans)
        status = CLEAN
        if state.documents:
            status = CONTAMINATED if state.contaminating else TOUCHED
        elif number in self._short:
            status = TOO_SHORT
        return {
            **self._item_name(number),
            "status": status,
            "characters": characters,
            "coverage": 1.0 if state.is_whole else round(covered / max(characters, 1), 4),
            "largest_share": round(state.share, 4),
            "longest_match": state.longest,
            "documents": state.documents,
            "contaminating_documents": state.contaminating,
            "matches": state.matches,
        }

    def _item_name(self, number: int) -> dict[str, str]:
        item = self._texts.items[number]
        return {"source": item.source, "id": item.id}


def _judgement(finding: Finding) -> dict[str, Any]:
    return {"share": round(finding.share, 4), "contaminated": finding.is_contaminated}


def _place(document: CorpusDocument, span: Span) -> dict[str, Any]:
    start, end = span
    text = document.text[start : min(end, start + _SHOWN_CHARACTERS)]
    return {"start": start, "end": end, "text": text}
