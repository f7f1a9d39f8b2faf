"""The plan of a build in shards: which files, with which options, in how many shards.

It is `plan.json` in a directory beside the output, `OUTPUT.parts`. The finished shards are there,
too. The same command continues the build of the same plan.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from quotetune.corpus.formats import Format
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.whole_files import read_json, write_json

# A segment is 1 GiB of text. `merge` sorts segments that are smaller than half of that again if
# they are more than eight, all on one machine; with this many bytes of a file in a shard, text and
# names, its segment is larger.
LEAST_BYTES = 3 << 28
MOST_BYTES = 1 << 30
FEW_SHARDS = 8
SHARDS_PER_WORKER = 4


@dataclass(frozen=True)
class PlannedFile:
    """A file of the corpus.

    Attributes:
        path: Where it is: a path, or the URL of a remote file.
        format: What it contains.
        name: Default source of its documents (see `quotetune.corpus.inputs.InputFile`).
        size: Its bytes.
        version: When it was changed, or another mark of its content.
        is_cut: Whether it is remote and is fetched in stretches of lines.
    """

    path: str
    format: Format
    name: str
    size: int
    version: str
    is_cut: bool = False


@dataclass(frozen=True)
class Plan:
    """A build in shards.

    Attributes:
        files: The files, in order.
        options: Arguments of `build_index` that were given.
        filter: Those that the plan decided: the room or the rate of the shards' filters.
        shards: How many there are.
        is_list: Whether the shards stay as they are, in a list; otherwise they are merged.
        are_remote: Whether the files are fetched before they are read.
        stretches: Tasks that fill the filter after the shards are built, at most; 0 if the shards
            have filters.
    """

    files: list[PlannedFile]
    options: dict[str, Any]
    filter: dict[str, Any]
    shards: int
    is_list: bool
    are_remote: bool
    stretches: int = 0

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def shard_name(self, number: int) -> str:
        """Return the name of a shard's index, from 1.

        Example:
            >>> Plan([], {}, {}, 8, False, False).shard_name(2)
            'shard-00002-of-00008'
        """
        return f"shard-{number:05}-of-{self.shards:05}"


def changed(file: PlannedFile) -> QuotetuneError:
    """Return the error about a file that is no longer the one of the plan."""
    return QuotetuneError(
        f"{file.path}: was changed after the build began: leave the files as they are until it ends"
    )


def parts_of(output: Path) -> Path:
    """Return the directory of the plan and the shards of an output.

    Example:
        >>> parts_of(Path("data/index")).as_posix(), parts_of(Path("data/index.json")).as_posix()
        ('data/index.parts', 'data/index.parts')
    """
    name = output.stem if is_list_name(output) else output.name
    return output.with_name(f"{name}.parts")


def is_list_name(output: Path) -> bool:
    """Tell whether an output is a list of indexes, and not one index."""
    return output.suffix.lower() == ".json"


def shard_count(size: int, workers: int) -> int:
    """Return how many shards are sensible.

    Four per worker let the last ones end at about the same time. But `merge` must not sort small
    segments again, and a shard that must be repeated should be no more than one segment.

    Example:
        >>> shard_count(10**6, 2), shard_count(50 * 10**9, 4), shard_count(10**12, 4)
        (8, 47, 932)
        >>> shard_count(10**9, 1), shard_count(10**10, 100)
        (4, 12)
    """
    balanced = min(SHARDS_PER_WORKER * workers, max(FEW_SHARDS, size // LEAST_BYTES))
    return max(balanced, math.ceil(size / MOST_BYTES), 1)


def stored_plan(parts: Path) -> Plan | None:
    """Read the plan that is there; None if there is none.

    Raises:
        UsageError: It cannot be read.
    """
    path = parts / "plan.json"
    if not path.exists():
        return None
    try:
        content = read_json(path)
        files = [PlannedFile(**file) for file in content.pop("files")]
        return Plan(files=files, **content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: is no plan of a build: delete {parts}") from error


def store_plan(parts: Path, plan: Plan) -> None:
    """Write the plan; it appears by rename."""
    write_json(parts / "plan.json", asdict(plan))


def check_same(parts: Path, stored: Plan, wanted: Plan) -> None:
    """Refuse to continue a plan with other files or options.

    Args:
        parts: Where the plan is.
        stored: The plan.
        wanted: What this command asks for; what the plan decided itself is not compared.

    Raises:
        UsageError: They differ; the message says in what.
    """
    before = asdict(replace(stored, filter={}, stretches=0))
    now = asdict(replace(wanted, filter={}, stretches=0))
    before |= before.pop("options")
    now |= now.pop("options")
    names = {"is_list": "kind of output", "are_remote": "kind of inputs"}
    different = [names.get(name, name) for name in now if before.get(name) != now[name]]
    if different:
        raise UsageError(
            f"{parts}: is of a build with other {', '.join(different)}: repeat that command, or"
            " delete the directory to start again"
        )
