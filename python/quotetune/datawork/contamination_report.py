"""What `decontaminate` reports: for each item and each document what they have in common."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.batches import CorpusDocument
from quotetune.datawork.contamination import Detector, Findings

# A match may be a whole document.
_SHOWN_CHARACTERS = 300

CONTAMINATED, TOUCHED, CLEAN, TOO_SHORT = "contaminated", "touched", "clean", "too short"


class ContaminationReport:
    """Collects findings. Totals are exact, lists are bounded."""

    def __init__(
        self, found: Detector, *, whole: bool, max_matches: int, max_documents: int
    ) -> None:
        """Start a report.

        Args:
            found: The detector.
            whole: Whether items without a piece of n characters are looked for as whole words.
            max_matches: Matches to list for an item, and for a document; the longest ones.
            max_documents: Documents to list that contaminate an item, and as many that do not; the
                first ones.
        """
        self._texts, self._places = found.texts, found.places
        count = len(self._texts.items)
        sought = {piece.item for piece in self._texts.whole} if whole else set()
        self._short = {
            number
            for number, characters in enumerate(self._texts.characters)
            if not characters and number not in sought
        }
        self._is_found = np.zeros(found.places.windows, np.bool_)
        self._longest = np.zeros(count, np.int64)
        self._share = np.zeros(count)
        self._documents = np.zeros(count, np.int64)
        self._contaminating = np.zeros(count, np.int64)
        # Each with its rank.
        self._matches: dict[int, list[tuple[int, dict[str, Any]]]] = {}
        # The rank of the last match that an item's list has, if the list is full.
        self._last_rank = np.full(count, -1, np.int64)
        self._max_matches = max_matches
        self._max_documents = max_documents
        self._listed: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        self._counts = {True: 0, False: 0}

    def add(self, document: CorpusDocument, findings: Findings) -> None:
        """Note what a document has in common with items."""
        items = findings.items
        if not len(items):
            return
        self._is_found[findings.windows] = True
        self._longest[items] = np.maximum(self._longest[items], findings.longest)
        self._share[items] = np.maximum(self._share[items], findings.share)
        self._documents[items] += 1
        self._contaminating[findings.contaminated_items] += 1
        # Boilerplate that thousands of items have in common costs no more than this comparison.
        ranks = _ranks(findings.is_contaminated, findings.longest)
        listed = np.flatnonzero(ranks > self._last_rank[items])
        if len(listed):
            self._list_for_items(document, findings, listed)
        is_contaminated = bool(findings.is_contaminated.any())
        self._counts[is_contaminated] += 1
        if len(self._listed[is_contaminated]) < self._max_documents:
            self._listed[is_contaminated].append(self._document(document, findings))

    def _list_for_items(
        self, document: CorpusDocument, findings: Findings, listed: NDArray[np.int64]
    ) -> None:
        """Put the matches of some items, given by their positions, into the items' lists."""
        order = np.argsort(findings.match_items, kind="stable")
        in_order = findings.match_items[order]
        items = findings.items[listed]
        starts, ends = (np.searchsorted(in_order, items, side) for side in ("left", "right"))
        for position, item, start, end in zip(
            listed.tolist(), items.tolist(), starts.tolist(), ends.tolist(), strict=True
        ):
            self._list_for_item(
                document, findings, position, item, order[start:end][: self._max_matches]
            )

    def _list_for_item(
        self,
        document: CorpusDocument,
        findings: Findings,
        position: int,
        item: int,
        found: NDArray[np.int64],
    ) -> None:
        matches = self._matches.setdefault(item, [])
        ranks = _ranks(findings.is_contaminated[position], findings.match_lengths[found])
        for rank, span in zip(ranks.tolist(), findings.match_spans[found].tolist(), strict=True):
            match = _match(document, findings, position, span)
            matches.append((rank, {"source": document.source, "id": document.id, **match}))
        # Those of documents that contaminate the item come first, and of these the longest.
        matches.sort(key=lambda match: -match[0])
        del matches[self._max_matches :]
        if len(matches) == self._max_matches:
            self._last_rank[item] = matches[-1][0] if matches else np.iinfo(np.int64).max

    def _document(self, document: CorpusDocument, findings: Findings) -> dict[str, Any]:
        positions = np.searchsorted(findings.items, findings.match_items)
        order = np.argsort(~findings.is_contaminated[positions], kind="stable")
        return {
            "source": document.source,
            "id": document.id,
            "contaminated": bool(findings.is_contaminated.any()),
            "items": len(findings.items),
            "matches": [
                {
                    "item": self._item_name(int(findings.match_items[match])),
                    **_match(
                        document,
                        findings,
                        int(positions[match]),
                        findings.match_spans[match].tolist(),
                    ),
                }
                for match in order[: self._max_matches].tolist()
            ],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        covered = np.zeros(len(self._texts.items), np.int64)
        pieces = np.array([piece.item for piece in self._texts.pieces], np.int64)
        np.add.at(covered, pieces, self._places.covered(np.flatnonzero(self._is_found)))
        items = [self._item(number, int(covered[number])) for number in range(len(covered))]
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

    def _item(self, number: int, covered: int) -> dict[str, Any]:
        characters = self._texts.characters[number]
        documents, contaminating = int(self._documents[number]), int(self._contaminating[number])
        status = TOO_SHORT if number in self._short else CLEAN
        if documents:
            status = CONTAMINATED if contaminating else TOUCHED
        # A short item, which has no n-grams, occurs whole or not at all.
        coverage = covered / characters if characters else float(documents > 0)
        return {
            **self._item_name(number),
            "status": status,
            "characters": characters,
            "coverage": round(coverage, 4),
            "largest_share": round(float(self._share[number]), 4),
            "longest_match": int(self._longest[number]),
            "documents": documents,
            "contaminating_documents": contaminating,
            "matches": [match for _, match in self._matches.get(number, [])],
        }

    def _item_name(self, number: int) -> dict[str, str]:
        item = self._texts.items[number]
        return {"source": item.source, "id": item.id}


def _ranks(
    is_contaminated: NDArray[np.bool_] | np.bool_, characters: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return numbers that order matches: by contamination, then by their normalised characters."""
    return is_contaminated * (np.int64(1) << 40) + characters


def _match(
    document: CorpusDocument, findings: Findings, position: int, span: list[int]
) -> dict[str, Any]:
    start, end = span
    return {
        "share": round(float(findings.share[position]), 4),
        "contaminated": bool(findings.is_contaminated[position]),
        "start": start,
        "end": end,
        "text": document.text[start : min(end, start + _SHOWN_CHARACTERS)],
    }
