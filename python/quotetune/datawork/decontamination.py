"""Find evaluation items in a corpus, and write the corpus without them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from quotetune.corpus.batches import Batch, Corpus
from quotetune.corpus.formats import Format
from quotetune.corpus.limits import check_n
from quotetune.corpus.normalizing import with_threads
from quotetune.corpus.progress import Progress, silent
from quotetune.datawork.contamination import Detector, Findings, Rule, detector
from quotetune.datawork.contamination_report import ContaminationReport
from quotetune.datawork.copying import (
    CORPUS,
    LEFT_OUT,
    NORMALIZATIONS,
    REPORT,
    Change,
    CorpusCopy,
    check_apart,
    check_not_inside,
    copied,
    copy_names,
)
from quotetune.datawork.cutting import cut
from quotetune.datawork.evaluation_items import Item, read_items
from quotetune.datawork.item_texts import item_texts
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.whole_files import write_json, written_directory

Short: TypeAlias = Literal["report", "whole"]
Remove: TypeAlias = Literal["documents", "spans"]


@dataclass(frozen=True)
class Settings:
    """How items are looked for.

    Attributes:
        n: Characters that a match must have to count.
        min_share: Share of an item that a document must cover to contaminate it.
        min_match: Characters of one match that are enough, whatever their share.
        normalization: Differences that do not count: `squash`, `fold` or `fold-case`.
        short: Treatment of items without n characters: `report` them, or look for their longest
            text as `whole` words.
        remove: What to leave out of the copy of the corpus: contaminated `documents`, or the
            contaminated `spans`. None writes no copy.
        max_matches: Matches to list for an item, and for a document.
        max_documents: Documents to list that contaminate an item, and as many that do not.

    Raises:
        UsageError: A value is out of range.
    """

    n: int = 25
    min_share: float = 0.7
    min_match: int = 100
    normalization: str = "squash"
    short: Short = "report"
    remove: Remove | None = None
    max_matches: int = 10
    max_documents: int = 1000

    def __post_init__(self) -> None:
        check_n(self.n)
        if not 0 < self.min_share <= 1:
            raise UsageError(f"min_share is {self.min_share}: choose one over 0, at most 1")
        for name in ("min_match", "max_matches", "max_documents"):
            least = 1 if name == "min_match" else 0
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}: choose {least} or more")
        for name, choices in (
            ("normalization", NORMALIZATIONS),
            ("short", ("report", "whole")),
            ("remove", (None, "documents", "spans")),
        ):
            if getattr(self, name) not in choices:
                *others, last = [choice for choice in choices if choice]
                raise UsageError(
                    f"{name} is {getattr(self, name)!r}: choose {', '.join(others)} or {last}"
                )


def decontaminate(
    evaluations: Sequence[Path],
    corpus: Corpus,
    output: Path,
    settings: Settings = Settings(),
    *,
    keys: Sequence[str] = (),
    format: Format | None = None,
    ignored: Sequence[str] = (),
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Report which items of evaluation sets a corpus contains, and copy it without them.

    Args:
        evaluations: Files, folders and globs of the evaluation sets.
        corpus: The corpus.
        output: The directory to create. It appears when it is complete: with `report.json`, and if
            anything is to be removed with the folder `corpus`.
        settings: How items are looked for.
        keys: Fields of the items' texts (see `read_items`).
        format: Format of the evaluation sets; by default their names and first bytes tell it.
        ignored: Boilerplate that does not count (see `item_texts`).
        threads: Threads to read with; one per core by default.
        progress: Is told about the bytes of the corpus that are read.

    Returns:
        The report.

    Raises:
        UsageError: An option or input is invalid, the output exists, or is inside an input.
        QuotetuneError: A record of an evaluation set or of the corpus is bad.
    """
    check_apart(corpus, output)
    check_not_inside(evaluations, output)
    if settings.remove is not None:
        copy_names(corpus)
    items = _read(evaluations, keys, format)
    texts = item_texts(items, settings.n, settings.normalization, ignored)
    whole = settings.short == "whole"
    rule = Rule(settings.n, settings.min_share, settings.min_match)
    with ExitStack() as stack:
        stack.enter_context(with_threads(threads))
        work = stack.enter_context(written_directory(output))
        # The filters are removed from `work` before it gets its name.
        found = stack.enter_context(
            detector(
                texts,
                rule,
                settings.normalization,
                work,
                whole=whole,
                max_matches=settings.max_matches,
            )
        )
        report = ContaminationReport(
            found,
            whole=whole,
            max_matches=settings.max_matches,
            max_documents=settings.max_documents,
        )
        copy = None
        if settings.remove is not None:
            copy = stack.enter_context(copied(corpus, work / CORPUS))
        for batch in corpus.batches(progress, found.filters):
            changes = _changes(batch, found, report, settings.remove)
            if copy is not None:
                copy.write(batch, changes)
        content = _content(settings, keys, ignored, report, corpus, copy)
        write_json(work / REPORT, content)
    return content


def _read(evaluations: Sequence[Path], keys: Sequence[str], format: Format | None) -> list[Item]:
    items = list(read_items(evaluations, keys, format))
    if not items:
        names = ", ".join(map(str, evaluations[:3]))
        raise QuotetuneError(f"no item in {names}: give files with items")
    return items


def _changes(
    batch: Batch, found: Detector, report: ContaminationReport, remove: Remove | None
) -> dict[int, Change]:
    """Report the findings of a batch, and return what becomes of its documents."""
    changes: dict[int, Change] = {}
    for place in batch.touched:
        document = batch[place]
        findings = found.findings(document.text)
        report.add(document, findings)
        if findings.is_contaminated.any():
            if remove == "documents":
                changes[place] = LEFT_OUT
            elif remove == "spans":
                changes[place] = without_items(document.text, found, findings)
    return changes


def without_items(text: str, found: Detector, findings: Findings) -> str:
    """Return a text without the matches of the items that it contaminates.

    The two sides of a match may together contain an item again, so what is left is looked at, too.
    An item of no more than white space may stay: to cut a space puts a space between two words.

    Args:
        text: The text.
        found: The detector.
        findings: What it found.
    """
    while spans := findings.contaminated_spans():
        rest = cut(text, spans)
        if rest == text:
            break
        text = rest
        findings = found.findings(text)
    return text


def _content(
    settings: Settings,
    keys: Sequence[str],
    ignored: Sequence[str],
    report: ContaminationReport,
    corpus: Corpus,
    copy: CorpusCopy | None,
) -> dict[str, Any]:
    content = report.to_dict()
    content["documents"] = {"count": corpus.documents, **content["documents"]}
    if corpus.skipped:
        skipped = {reason: count for reason, (count, _) in corpus.skipped.items()}
        content["documents"]["skipped"] = skipped
    if copy is not None:
        content["removed"] = {
            "documents": copy.documents_left_out,
            "documents_cut": copy.documents_cut,
            "characters": copy.characters_cut,
        }
    return {
        "settings": {**asdict(settings), "keys": list(keys), "ignored": len(ignored)},
        **content,
    }
