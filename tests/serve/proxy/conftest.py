"""The upstream of the tests in a file; each says what it answers."""

from collections.abc import Iterator

import pytest

from fake_upstream import FakeUpstream, fake_upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as fake:
        yield fake
