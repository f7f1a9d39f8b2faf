"""The trie of a constraint: its memory, and how long it takes to say which tokens may come next."""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peak import watched
from benchmarks.settings import Settings
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from quotetune.corpus.token_trie import TokenTrie
from quotetune.runtime.whole_files import read_json, write_json

SEQUENCES = 1_000_000
RESPONSES = 256
STEPS = 30
# Words of a sequence, the second number excluded. A number, and a first and a last token that all
# sequences share, come on top.
TOKENS = (3, 14)
VOCABULARY = 49_152
MOST, END = 3, 0


def tables(settings: Settings, sequences: int = SEQUENCES) -> list[Listing]:
    """Measure a trie in a process of its own, and that process without sequences but one."""
    runs = {}
    for count in (1, sequences):
        output = settings.work / f"{count}.json"
        command = [sys.executable, "-m", "benchmarks.constraint", str(count), str(output)]
        _, peak = watched(command)
        runs[count] = (read_json(output), peak.anonymous / 1024)
    (found, most), (_, without) = runs[sequences], runs[1]
    steps = found["steps"]
    slowest = max(steps) * 1e3
    return [
        Listing(
            heading=f"A constraint of {sequences:,} strings",
            header=("what", "measured"),
            rows=[
                ("making the strings and the trie, seconds", number(found["making"])),
                ("memory while it is made, MiB", number(most - without)),
                ("memory after that, MiB", number(found["bytes"] / 2**20)),
                ("a step, mean milliseconds", number(sum(steps) / len(steps) * 1e3)),
                ("the slowest step, milliseconds", number(slowest)),
            ],
            notes=(
                f"Strings of {TOKENS[0] + 3} to {TOKENS[1] + 2} tokens, of which all have the same"
                f" first and last one. A step asks for the tokens that may come next in {RESPONSES}"
                f" responses of up to {MOST} strings, on one thread, in {STEPS} steps. "
                + targets(
                    target("100 MiB", found["bytes"] / 2**20, most=100),
                    target("5 ms", slowest, most=5),
                ),
            ),
        )
    ]


def sequences_of(count: int, draw: random.Random) -> Iterator[list[int]]:
    """Yield sequences of tokens. As in titles, some tokens are in many, and numbers differ."""
    common = [draw.randrange(1, VOCABULARY) for _ in range(8000)]
    for i in range(count):
        words = [
            common[min(int(draw.expovariate(1 / 800)), len(common) - 1)]
            for _ in range(draw.randrange(*TOKENS))
        ]
        yield [5, *words, i % VOCABULARY, 6]


def measure(count: int) -> dict[str, object]:
    """Make a trie, and draw responses from it."""
    draw = random.Random(0)
    before = _own_bytes()
    start = time.perf_counter()
    trie = TokenTrie(sequences_of(count, draw), MOST, [END])
    making = time.perf_counter() - start
    size = _own_bytes() - before
    responses: list[list[int]] = [[] for _ in range(RESPONSES)]
    steps = []
    for _ in range(STEPS):
        start = time.perf_counter()
        states, tokens = trie.allowed(responses)
        steps.append(time.perf_counter() - start)
        for response, state in zip(responses, states, strict=True):
            response.append(int(draw.choice(tokens[state])))
    return {"making": making, "bytes": size, "steps": steps}


def _own_bytes() -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(kibibytes) * 1024


if __name__ == "__main__":
    write_json(Path(sys.argv[2]), measure(int(sys.argv[1])))
