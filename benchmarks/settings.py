"""The settings of a run of the benchmarks."""

from dataclasses import dataclass
from pathlib import Path

QUOTETUNE = "quotetune"
# quotetune with the filter for a corpus that does not change.
FUSE = f"{QUOTETUNE}, fuse"
SET = "Python set"
RBLOOM = "rbloom"
ABLOOM = "abloom"
INFINI_GRAM = "infini-gram"
TOKENGRAMS = "tokengrams"
VLLM = "vllm"
TRL = "trl"
# Not systems, but bounds that no system can beat: the bare sort, and the memory or the disk.
LIBSAIS = "bare libsais"
LIMIT = "limit of the machine"
BLOOM_SYSTEMS = (QUOTETUNE, SET, RBLOOM, ABLOOM)
SUFFIX_SYSTEMS = (QUOTETUNE, INFINI_GRAM, TOKENGRAMS)
ROUND_SYSTEMS = (QUOTETUNE, VLLM, TRL)
BOUNDS = (LIBSAIS, LIMIT)
SYSTEMS = tuple(dict.fromkeys(BLOOM_SYSTEMS + SUFFIX_SYSTEMS + ROUND_SYSTEMS + BOUNDS))

# Length of an n-gram, and of the shortest span, in characters.
N = 25
# False-positive rate of every Bloom filter.
FPR = 0.001


@dataclass(frozen=True)
class Settings:
    """Options of a run.

    Attributes:
        demo: Directory of the demo's data: `corpus.jsonl`, and for a round `model/`,
            `prompts.jsonl` and `index/`.
        work: Directory for everything that the benchmarks write.
        text_bytes: Size of the corpus in characters.
        repeats: Number of times that each measurement is made; the shortest counts.
        limit: Seconds after which a build is abandoned.
        systems: Names of the systems to run; quotetune comes first.
        peer_bytes: Size of the corpus in characters for a peer's build, which is slower.
        filter_bytes: Size of the large Bloom filter in bytes.
        limited_bytes: Size of the corpus in characters for the build under a memory limit.
        cold_bytes: Size of the corpus in characters for the queries of cold files.
        cold_index: Directory that keeps that corpus and its indexes; None for one that is removed.
    """

    demo: Path
    work: Path
    text_bytes: int
    repeats: int
    limit: float
    systems: tuple[str, ...]
    peer_bytes: int = 32_000_000
    filter_bytes: int = 1 << 30
    limited_bytes: int = 2_700_000_000
    cold_bytes: int = 1_700_000_000
    cold_index: Path | None = None

    def filters(self) -> tuple[str, ...]:
        """Return the filters to run: quotetune's two, and those of the chosen peers."""
        chosen = self.chosen(BLOOM_SYSTEMS)
        return (*chosen[:1], FUSE, *chosen[1:]) if QUOTETUNE in chosen else chosen

    def chosen(self, systems: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some systems that are to run."""
        return tuple(system for system in systems if system in self.systems)
