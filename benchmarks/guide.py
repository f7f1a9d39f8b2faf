"""The guide: how long a quote each of 40 next tokens of many responses continues."""

import itertools
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpora import read_jsonl, split_corpus, write_jsonl
from benchmarks.settings import QUOTETUNE, N, Settings
from benchmarks.table import Listing, Row, Table, number
from benchmarks.targets import seconds_each, target, targets
from benchmarks.timing import Time, by_turns, in_child
from quotetune import Index, build_index
from quotetune.corpus.guide import MAX_CHARS, MIN_CHARS, Guide, GuideState, Vocabulary, matches

BY_COUNT = f"{QUOTETUNE}, Index.count"
RESPONSES = 256
CANDIDATES = 40
# Tokens of each response; the guide is asked before each of the last STEPS.
TOKENS = 40
STEPS = 8
# Documents that the tokens and their followers are counted in.
COUNTED = 3000
THREADS = (1, 2)
# Words with the space before them, numbers and signs: tokens as those of a byte-level BPE.
TOKEN = re.compile(r" ?[A-Za-z]{1,12}| ?\d{1,3}| ?[^A-Za-z0-9\s]{1,4}|\s")


@dataclass(frozen=True)
class Work:
    """Steps of many responses.

    Attributes:
        tokens: The tokens, by id.
        responses: Ids of the tokens of each response.
        candidates: Ids of the tokens that may follow, of shape (steps, responses, candidates).
    """

    tokens: list[str]
    responses: list[list[int]]
    candidates: NDArray[np.int64]

    def so_far(self, step: int) -> list[list[int]]:
        """Return the responses before a step."""
        return [ids[: TOKENS - STEPS + step] for ids in self.responses]


def tables(settings: Settings) -> list[Table | Listing]:
    """Measure the guide beside `Index.count`, and on one thread and on two."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    place = settings.work / "guide"
    index = build_index(path, place, n=N, structures=["suffix"], threads=1, overwrite=True)
    work = work_of(corpus, held_out)
    ask = guided(index, work)
    texts = texts_of(work, 0)
    found = np.stack(ask())
    same = np.mean(found[0].ravel() == by_count(index, texts))
    calls: dict[str, Callable[[], object]] = {
        QUOTETUNE: ask,
        BY_COUNT: lambda: by_count(index, texts),
    }
    times = by_turns(calls, settings.repeats)
    each = RESPONSES * CANDIDATES
    megabytes = f"{sum(map(len, corpus)) / 1e6:.0f} MB of text"
    rows = [Row(QUOTETUNE, each * STEPS, times[QUOTETUNE]), Row(BY_COUNT, each, times[BY_COUNT])]
    aims = targets(target("1 microsecond", seconds_each(rows, QUOTETUNE, 1e6), most=1))
    table = Table(
        title=f"Asking for the longest match of a candidate token in {megabytes}",
        unit="microseconds per candidate",
        rows=rows,
        seconds_each=1e6,
        notes=(
            f"{RESPONSES} responses with {CANDIDATES} candidates each, at {STEPS} steps; half of "
            "the responses are from the corpus, and half from held-out documents. The candidates "
            "are the next token and those that follow most often on the last one. "
            f"{found.astype(bool).mean():.0%} of them have a match of {MIN_CHARS} characters or "
            f"more, and {(found == MAX_CHARS).mean():.0%} one of {MAX_CHARS}. `Index.count` "
            "bisects the length, with all candidates of a step in each call. It ignores white "
            f"space at both ends; {same:.1%} of its answers are the same. {aims}",
        ),
    )
    return [table, _threads(settings, place, work)]


def _threads(settings: Settings, place: Path, work: Work) -> Listing:
    asked = settings.work / "asked"
    write_jsonl(work.tokens, asked / "tokens.jsonl")
    np.save(asked / "responses.npy", np.array(work.responses))
    np.save(asked / "candidates.npy", work.candidates)
    times: dict[int, Time] = {}
    for _ in range(settings.repeats):
        for threads in THREADS:
            time = in_child(prepare, (threads, place, asked), settings.limit)
            if time is not None:
                times[threads] = time.best(times.get(threads))
    milliseconds = [times[threads].wall / STEPS * 1e3 for threads in THREADS]
    return Listing(
        heading=f"A step of {RESPONSES} responses with {CANDIDATES} candidates each",
        header=("threads", "milliseconds per step", "gain"),
        rows=[
            (str(threads), number(time), f"{milliseconds[0] / time:.2f}")
            for threads, time in zip(THREADS, milliseconds, strict=True)
        ],
        notes=(
            f"Wall time of the work above. {targets(target('2 ms on eight threads', None, most=2))}"
            f" This machine has {os.cpu_count()} cores.",
        ),
    )


def prepare(threads: int, place: Path, asked: Path) -> Callable[[], object]:
    """Prepare to ask for all steps, in a child process.

    Args:
        threads: Number of threads.
        place: Directory of the index.
        asked: Directory of the work.

    Returns:
        The call.
    """
    # Rayon reads this when the first call creates its threads.
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    responses = np.load(asked / "responses.npy").tolist()
    candidates = np.load(asked / "candidates.npy")
    work = Work(list(read_jsonl(asked / "tokens.jsonl")), responses, candidates)
    ask = guided(Index.open(place), work)
    # The first call maps the pages in.
    ask()
    return ask


def guided(index: Index, work: Work) -> Callable[[], list[NDArray[np.int32]]]:
    """Make the call that asks a guide at all steps. The states are made in advance."""
    guide = Guide(index, Vocabulary([token.encode() for token in work.tokens]))
    states: list[list[GuideState]] = [
        [guide.state(ids) for ids in work.so_far(step)] for step in range(STEPS)
    ]
    return lambda: [
        matches(of_step, candidates)
        for of_step, candidates in zip(states, work.candidates, strict=True)
    ]


def texts_of(work: Work, step: int) -> list[str]:
    """Return the end of each response with each candidate, at one step."""
    ends = ["".join(work.tokens[id] for id in ids)[-MAX_CHARS:] for ids in work.so_far(step)]
    return [
        end + work.tokens[candidate]
        for end, candidates in zip(ends, work.candidates[step], strict=True)
        for candidate in candidates
    ]


def by_count(index: Index, texts: Sequence[str]) -> NDArray[np.int64]:
    """Find the longest suffixes that occur, by bisection of all lengths at once."""
    low = np.full(len(texts), MIN_CHARS - 1)
    high = np.minimum([len(text) for text in texts], MAX_CHARS) + 1
    while np.any(low + 1 < high):
        middle = np.maximum((low + high) // 2, 1)
        # Most candidates have no match that counts, which the first look at the shortest tells.
        middle = np.where(low < MIN_CHARS, np.minimum(MIN_CHARS, high - 1), middle)
        open_ = low + 1 < high
        asked = [text[-chars:] for text, chars in zip(texts, middle, strict=True)]
        occurs = index.count(asked) > 0
        high = np.where(open_ & ~occurs, middle, high)
        high = np.where((low < MIN_CHARS) & ~occurs, low, high)
        low = np.where(open_ & occurs, middle, low)
    return np.where(low >= MIN_CHARS, low, 0)


def work_of(corpus: Sequence[str], held_out: Sequence[str], seed: int = 0) -> Work:
    """Make responses of documents, with the tokens that follow most often as candidates.

    Args:
        corpus: Documents of the corpus, from which every other response is.
        held_out: Documents that are not in it.
        seed: Seed of the choice of passages.

    Returns:
        The steps.
    """
    draw = random.Random(seed)
    counted = draw.sample([*corpus, *held_out], min(COUNTED, len(corpus) + len(held_out)))
    tokens: Counter[str] = Counter()
    followers: dict[str, Counter[str]] = {}
    for document in counted:
        found = TOKEN.findall(document)
        tokens.update(found)
        for token, follower in itertools.pairwise(found):
            followers.setdefault(token, Counter())[follower] += 1
    passages = _passages(draw, (corpus, held_out))
    drawn = [next(passages) for _ in range(RESPONSES)]
    tokens.update(token for passage in drawn for token in passage)
    ids = {token: number for number, token in enumerate(tokens)}
    frequent = [token for token, _ in tokens.most_common(2 * CANDIDATES)]
    candidates = np.empty((STEPS, RESPONSES, CANDIDATES), dtype=np.int64)
    for row, passage in enumerate(drawn):
        for step in range(STEPS):
            last, following = passage[TOKENS - STEPS + step - 1 : TOKENS - STEPS + step + 1]
            often = [token for token, _ in followers.get(last, Counter()).most_common(CANDIDATES)]
            chosen = list(dict.fromkeys([following, *often, *frequent]))[:CANDIDATES]
            padded = chosen + [following] * (CANDIDATES - len(chosen))
            candidates[step, row] = [ids[token] for token in padded]
    return Work(list(ids), [[ids[token] for token in passage] for passage in drawn], candidates)


def _passages(draw: random.Random, sources: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    for turn in itertools.count():
        passage: list[str] = []
        while len(passage) < TOKENS:
            document = draw.choice(sources[turn % len(sources)])
            start = draw.randrange(max(1, len(document) - 10 * TOKENS))
            passage += TOKEN.findall(document[start:])
        yield passage[:TOKENS]
