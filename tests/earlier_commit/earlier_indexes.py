"""Indexes of every kind that an earlier commit made: this checkout reads and changes them."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from earlier_corpus import REMOVED, SOURCE, Corpus, write_corpus
from earlier_package import Package

# What an index answered, by question.
Answers = dict[str, Any]
# What is checked, and what is wrong; None if nothing is.
Check = tuple[str, str | None]

STRUCTURES = (
    *("bloom", "fuse", "suffix", "lean"),
    *("bloom,suffix", "bloom,lean", "fuse,suffix", "fuse,lean"),
)
FIELDS = ("--text-key", "body", "--id-key", "name", "--meta-keys", "title")
_REMOVAL = ("--source", SOURCE, *(word for name in REMOVED for word in ("--id", name)))
UNNORMALISED = ("--normalization", "none", "-n", 8, "--fpr", 0.001)
# The answers in which no filter takes part: those of a changed index are those of a new one.
EXACT = (
    *("score --exact", "trace", "trace --min-chars 40", "cite", "count", "exact quip"),
    *("on-topic quip", "exact windows", "trace in Python", "cite in Python"),
    *("document", "documents"),
)


def check_indexes(directory: Path, earlier: Package, current: Package) -> Iterator[Check]:
    """Let the earlier package make indexes, and the current one answer and change them.

    Args:
        directory: An empty directory.
        earlier: The package of the earlier commit.
        current: The package of this checkout.

    Yields:
        The checks.
    """
    corpus = write_corpus(directory)
    made = directory / "made"
    names = make(made, corpus, earlier)
    before, now = (ask(package, made, names, corpus) for package in (earlier, current))
    for name in names:
        yield f"index {name}: verify", _problem(now[name]["verify"], [0])
        yield f"index {name}: the same answers", _difference(before[name], now[name])

    new = _new_builds(directory / "new", corpus, current)
    copies = {package: directory / f"changed by {package.name}" for package in (earlier, current)}
    for copy in copies.values():
        shutil.copytree(made, copy)
    # Compacting rewrites every file; after the other changes, an index has files of both commits.
    refused: set[str] = set()
    for words in (("add", "remove"), ("compact",)):
        statuses, answers = {}, {}
        for package, copy in copies.items():
            statuses[package] = change(package, copy, names, words, corpus)
            answers[package] = ask(package, copy, names, corpus)
        for name in names:
            was, is_now = (statuses[package][name] for package in (earlier, current))
            if any(was):
                refused.add(name)
            yield f"index {name}: {_able(words, was)}", _problem(is_now, was)
            before_it, now_it = (answers[package][name] for package in (earlier, current))
            # The files of a change may differ, and the manifest shows them.
            before_it["info --json"] = now_it["info --json"]
            after = f"index {name}: after {' and '.join(words)},"
            yield f"{after} the same answers", _difference(before_it, now_it)
            if name not in refused:
                like = new["unnormalised" if name == "unnormalised" else "normalised"]
                yield f"{after} the answers of a new build", _difference(like, _exact(now_it))
    yield from _check_merge(directory, corpus, current, new["normalised"])


def make(directory: Path, corpus: Corpus, package: Package) -> list[str]:
    """Make an index of every kind, and return their names."""
    first, second, third, _ = corpus.parts
    whole = (first, second, third)
    commands: list[list[object]] = []
    built: list[str] = []

    def build(name: str, *given: object) -> Path:
        commands.append(["build-index", *given, *FIELDS, "-o", directory / name])
        built.append(name)
        return directory / name

    for structures in STRUCTURES:
        build(structures, *whole, "--structures", structures)
    build("unnormalised", *whole, *UNNORMALISED)
    build("fuse in partitions", *whole, corpus.many, "--structures", "fuse")
    for structures in ("bloom", "bloom,suffix", "bloom,lean"):
        grown = build(f"{structures} in segments", first, "--structures", structures)
        commands += [["add", grown, second], ["add", grown, third]]
    mended = build("mended", first, corpus.stray, second)
    commands += [["remove", mended, "--source", SOURCE, "--id", "stray"], ["add", mended, third]]
    names = list(built)

    room = ("--expected-ngrams", 50_000)
    shards = [
        build(f"shard {shard}", corpus.together, "--shard", f"{shard}/2", *room) for shard in (1, 2)
    ]
    unlike = [build("short", first), build("long", second, third)]
    for name, sources in (("merged shards", shards), ("merged", unlike)):
        commands.append(["merge", *sources, "-o", directory / name])
    header = corpus.published.with_name("published.bf")
    package.answers("dump", corpus.published, header)
    commands.append(["import-bloom", header, "-o", directory / "imported"])
    package.succeed(commands)
    return [*names, "merged shards", "merged", "imported"]


def ask(package: Package, directory: Path, names: list[str], corpus: Corpus) -> dict[str, Answers]:
    """Let a package answer all questions to the indexes of a directory."""
    score, trace = ["score", corpus.texts], ["trace", corpus.texts]
    questions: dict[str, list[object]] = {
        "verify": ["verify"],
        "info --json": ["info", "--json"],
        "score": score,
        "score --exact": [*score, "--exact"],
        "score --format quip-json": [*score, "--format", "quip-json"],
        "trace": trace,
        "trace --min-chars 40": [*trace, "--min-chars", 40, "--max-documents", 2],
        "cite": ["cite", corpus.texts, *package.all_quotes],
    }
    commands = [
        [command, directory / name, *options]
        for name in names
        for command, *options in questions.values()
    ]
    outcomes = iter(package.run(commands))
    found = package.answers("answers", corpus.queries, *(directory / name for name in names))
    for name in names:
        for question in questions:
            outcome = next(outcomes)
            # What verify prints is for people.
            said = [] if question == "verify" else [_as_read(question, outcome.output)]
            found[name][question] = [outcome.status, *said]
    return dict(found)


def _as_read(question: str, output: str) -> str:
    """Round the floats of a manifest, and leave out the checksum over their digits.

    Until serde_json kept the digits of numbers, it could misread the last one of a float.
    """
    if question != "info --json":
        return output
    manifest = json.loads(output, parse_float=lambda digits: float(f"{float(digits):.14g}"))
    del manifest["checksum"]
    return json.dumps(manifest, indent=2)


def change(
    package: Package, directory: Path, names: list[str], words: Sequence[str], corpus: Corpus
) -> dict[str, list[int]]:
    """Let a package change the indexes of a directory; return the exit statuses."""
    options = {"add": (corpus.parts[3],), "remove": _REMOVAL, "compact": ()}
    commands = [[word, directory / name, *options[word]] for name in names for word in words]
    statuses = iter(outcome.status for outcome in package.run(commands))
    return {name: [next(statuses) for _ in words] for name in names}


def _new_builds(directory: Path, corpus: Corpus, package: Package) -> dict[str, Answers]:
    """Build indexes of the documents that are in the changed ones, and give their exact answers."""
    kinds: dict[str, tuple[object, ...]] = {"normalised": (), "unnormalised": UNNORMALISED}
    package.succeed(
        [
            ["build-index", corpus.after, *FIELDS, *options, "-o", directory / name]
            for name, options in kinds.items()
        ]
    )
    answers = ask(package, directory, [*kinds], corpus)
    return {name: _exact(found) for name, found in answers.items()}


def _check_merge(
    directory: Path, corpus: Corpus, package: Package, like: Answers
) -> Iterator[Check]:
    """Merge an index that the earlier package made with a new one."""
    for structures in ("bloom,suffix", "bloom,lean", "suffix", "lean"):
        name = f"{structures} merged"
        added, output = directory / "new" / structures, directory / "new" / name
        kind = ["--structures", structures]
        outcomes = package.run(
            [
                ["build-index", corpus.parts[3], *FIELDS, *kind, "-o", added],
                ["merge", directory / "made" / structures, added, "-o", output],
                ["remove", output, *_REMOVAL],
            ]
        )
        what = f"index {structures}: merged with a new one, the answers of a new build"
        if failed := [outcome.errors for outcome in outcomes if outcome.status]:
            yield what, failed[0]
            continue
        answers = ask(package, output.parent, [name], corpus)[name]
        yield what, _difference(like, _exact(answers))


def _exact(answers: Answers) -> Answers:
    return {question: answers[question] for question in EXACT}


def _able(words: Sequence[str], statuses: list[int]) -> str:
    able = [word for word, status in zip(words, statuses, strict=True) if not status]
    return f"it takes {' and '.join(able)}" if able else f"it refuses {' and '.join(words)}"


def _problem(found: object, expected: object) -> str | None:
    return None if found == expected else f"{found}, not {expected}"


def _difference(before: Answers, now: Answers) -> str | None:
    """Say in which answers two indexes differ, and show the first one."""
    assert before.keys() == now.keys()
    # NaN is not equal to itself, and its text is.
    differing = [question for question in before if repr(before[question]) != repr(now[question])]
    if not differing:
        return None
    old, new = (repr(answers[differing[0]]) for answers in (before, now))
    same = next((i for i, pair in enumerate(zip(old, new, strict=False)) if len({*pair}) > 1), 0)
    start = max(0, same - 40)
    was, is_now = (text[start : start + 80] for text in (old, new))
    return f"{', '.join(differing)}: was ...{was}..., is now ...{is_now}..."
