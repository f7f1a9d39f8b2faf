"""The runs of the server, by name. One that changes on disk is read anew."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from quotetune.corpus.index import Index
from quotetune.corpus.index_hash import index_hash
from quotetune.errors import QuotetuneError, UsageError, reason_of
from quotetune.report.run_files import RunFiles, read_run
from quotetune.runs.directory import RunDirectory
from quotetune.runs.layout import BASE
from quotetune.runs.measured_responses import MeasuredResponses
from quotetune.runs.metrics_json import SCHEMA
from quotetune.runs.stage import MANIFEST
from quotetune.runtime.whole_files import read_json
from quotetune.serve.catalog import Catalog
from quotetune.serve.refusal import Refusal

# `train` writes the numbers at its end, and the prompts and evaluations before.
_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class OpenRun:
    """A finished run.

    Attributes:
        files: Its files, without its responses.
        responses: The responses of each row that has some, by the row's key.
        index_hash: The hash of the index that it was measured with; None if that is not known.
        stamp: What its files were when they were read.
        figures: The figures that were made of it, with its index and without. They take a second if
            there are many responses.
    """

    files: RunFiles
    responses: dict[str, MeasuredResponses]
    index_hash: str | None
    stamp: _Stamp
    figures: dict[bool, dict[str, Any]] = field(default_factory=dict)


def check_runs(paths: Mapping[str, str]) -> None:
    """Refuse directories that are no runs. A run need not be finished.

    Raises:
        UsageError: A directory is not that of a run.

    Example:
        >>> check_runs({"demo": "no/run"})
        Traceback (most recent call last):
        quotetune.errors.UsageError: --run no/run: not the directory of a run (it has no \
config.yaml): give a directory that `quotetune train` has made
    """
    for path in paths.values():
        config = RunDirectory(Path(path)).config_file
        if not config.is_file():
            raise UsageError(
                f"--run {path}: not the directory of a run (it has no {config.name}): give a "
                "directory that `quotetune train` has made"
            )
        try:
            content = yaml.safe_load(config.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            what = reason_of(error)
            raise UsageError(f"--run {path}: {config.name} cannot be read: {what}") from error
        if not isinstance(content, dict) or not {"run", "model", "index"} <= content.keys():
            raise UsageError(
                f"--run {path}: its {config.name} is not the config of a run: give a directory "
                "that `quotetune train` has made"
            )


class RunCatalog:
    """Runs of `quotetune train`, which are read when they are first asked for.

    Args:
        paths: The directory of each run by its name.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._runs = {name: RunDirectory(Path(path).absolute()) for name, path in paths.items()}
        self._open: dict[str, OpenRun] = {}
        self._opening = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The names of the runs."""
        return list(self._runs)

    def is_finished(self, name: str) -> bool:
        """Tell whether a run has come to its end."""
        return _stamp(self._runs[name]) is not None

    def is_in_work(self, name: str) -> bool:
        """Tell whether a stage of a run is being made, or was being made when the run stopped."""
        run = self._runs[name].run
        places = ("*.partial", "*/*.partial", "evaluation/**/*.partial")
        return any(next(run.glob(place), None) is not None for place in places)

    def __getitem__(self, name: str) -> OpenRun:
        """Return a finished run as it is on disk now.

        Raises:
            KeyError: There is no run of this name.
            Refusal: The run is not finished, or another version of quotetune wrote it.
            QuotetuneError: A file of the run cannot be read.
        """
        run = self._runs[name]
        found = self._open.get(name)
        if found is not None and found.stamp == _stamp(run):
            return found
        with self._opening:
            stamp = _stamp(run)
            if stamp is None:
                raise Refusal(
                    409,
                    f"the run {name} is not finished: wait until `quotetune train` ends, or repeat "
                    "the command if it was stopped",
                )
            found = self._open.get(name)
            if found is None or found.stamp != stamp:
                found = self._open[name] = _read(name, run, stamp)
        return found


class IndexHashes:
    """The hashes of the server's indexes, by which a run finds the one that it was measured with.

    Args:
        indexes: The indexes.
    """

    def __init__(self, indexes: Catalog) -> None:
        self._indexes = indexes
        self._known: dict[str, tuple[Index, str | None]] = {}

    def find(self, wanted: str | None) -> tuple[str, Index] | None:
        """Return the name and the index that has a hash; None if there is none."""
        for name, index in self._indexes.items():
            known = self._known.get(name)
            if known is None or known[0] is not index:  # it has changed
                known = self._known[name] = (index, index_hash(index.path))
            if wanted is not None and known[1] == wanted:
                return name, index
        return None


def _stamp(run: RunDirectory) -> _Stamp | None:
    """Return what a run's files are now; None if it is not finished."""
    needed = (run.config_file, run.metrics_file, run.heldout, run.row(BASE))
    try:
        found = [path.stat() for path in needed]
    except OSError:
        return None
    return tuple((file.st_ino, file.st_mtime_ns, file.st_size) for file in found)


def _read(name: str, run: RunDirectory, stamp: _Stamp) -> OpenRun:
    try:
        if read_json(run.metrics_file)["schema"] != SCHEMA:
            raise Refusal(
                409,
                f"another version of quotetune wrote the run {name}: run `quotetune train` on its "
                "config.yaml to write its numbers again",
            )
        files = read_run(run.run)
        responses = {
            row.key: MeasuredResponses(row.responses)
            for row in files.rows
            if row.responses is not None
        }
        assert {files.rows[0].key, files.tuned.key} <= responses.keys()
        return OpenRun(files, responses, _index_hash(run), stamp)
    except (Refusal, QuotetuneError):
        raise
    except Exception as error:  # a file may contain anything
        raise QuotetuneError(
            f"{run.run}: not the files of a finished run ({type(error).__name__}: {error}): run "
            "`quotetune train` on its config.yaml to make them again"
        ) from error


def _index_hash(run: RunDirectory) -> str | None:
    manifest = run.metrics_directory(BASE) / MANIFEST
    inputs: dict[str, Any] = read_json(manifest).get("inputs", {}) if manifest.exists() else {}
    return inputs.get("index")
