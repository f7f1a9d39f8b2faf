"""A server of runs; a test that changes a run puts it back as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from http_server import Server, serving
from served_runs import write_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, *write_runs(folder), "--rate", 100_000) as server:
        yield server
