"""An imported filter answers exactly as the published one; anything else is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_line import assert_fails, quotetune
from naive_index import squash, windows
from quotetune import (
    Index,
    QuotetuneError,
    UsageError,
    add,
    compact,
    import_bloom,
    merge,
    remove,
)
from redis_bloom import RedisBloom, murmur_hash_64a

FOX = "The quick brown fox jumps over the lazy dog, naïvely. 東京は日本の首都である。 🦀🦀!"


@pytest.mark.parametrize(
    ("key", "seed", "expected"),
    [
        # Expected values from the test suites of other implementations of MurmurHash64A.
        (b"", 0, 0),
        (b"hello", 0, 0x1E68D17C457BF117),
        (b"hello", 123, 0x240CB1D62529FB86),
        (b"helloworld", 0, 0x1DB22E549A1D8F97),
        (b"Hello World!", 0, 0x899E7FBBF113DFA4),
    ],
)
def test_the_oracle_hashes_as_published(key: bytes, seed: int, expected: int) -> None:
    assert murmur_hash_64a(key, seed) == expected


def made(texts: list[str], n: int, bits: int, hashes: int, n2: int) -> RedisBloom:
    bloom = RedisBloom(bits, hashes, n2)
    for text in texts:
        for gram in windows(squash(text), n):
            bloom.add(gram)
    return bloom


def assert_same(index: Index, bloom: RedisBloom, texts: list[str]) -> None:
    """Each window has the published filter's answer, including every false positive."""
    for text in texts:
        normal = squash(text)
        expected = [gram in bloom for gram in windows(normal, index.n)]
        [(seen, hits)] = index.windows([text])
        assert seen == normal and hits.tolist() == expected
        [report] = index.score([text])
        assert (report.numerator, report.denominator) == (sum(expected), len(expected))
        assert report.quotes is None and report.longest_quote is None
        [quip] = index.quip([text])
        if expected:
            assert quip == report.quip_25_beta == sum(expected) / len(expected)
            assert index.contains([text]).tolist() == [all(expected)]


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    texts=st.lists(st.text("ab é東🦀\n", max_size=90), min_size=1, max_size=4),
    asked=st.lists(st.text("ab é東🦀\n", max_size=400), max_size=3),
    n=st.sampled_from([1, 3, 8, 9, 25, 64]),
    bits=st.integers(8, 40).map(lambda words: 64 * words),
    hashes=st.integers(1, 12),
    n2=st.sampled_from([0, 0, 9, 11]),
    block=st.integers(1, 200),
    part=st.integers(1, 300),
)
def test_every_window_hits_where_the_published_filter_does(
    tmp_path: Path,
    texts: list[str],
    asked: list[str],
    n: int,
    bits: int,
    hashes: int,
    n2: int,
    block: int,
    part: int,
) -> None:
    bloom = made(texts, n, 2**n2 if n2 else bits, hashes, n2)
    folder = tmp_path / "files"
    shutil.rmtree(tmp_path, ignore_errors=True)
    folder.mkdir(parents=True)
    bloom.dump(folder / "filter.bf", n, block, part)
    index = import_bloom(folder / "filter.bf", tmp_path / "index")
    assert index.n == n and index.structures == ["redisbloom"] and len(index) == 0
    assert_same(index, bloom, texts + asked + ["ab" * 40 + "é東🦀" * 120])
    fill = sum(byte.bit_count() for byte in bloom.array) / bloom.modulus
    assert index.fpr == pytest.approx(fill**hashes)
    bloom.dump_legacy(folder / "old.bf", block)
    old = import_bloom(folder / "old.bf.idx", tmp_path / "old", n=n)
    assert_same(old, bloom, asked)
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def bloom() -> RedisBloom:
    return made([FOX * 20], 25, 8192, 7, 0)


@pytest.fixture
def header(bloom: RedisBloom, tmp_path: Path) -> Path:
    (tmp_path / "dump").mkdir()
    bloom.dump(tmp_path / "dump" / "wiki.25-1.bf", 25, 100, 250)
    return tmp_path / "dump" / "wiki.25-1.bf"


def test_the_parts_are_not_needed_afterwards_and_may_be_elsewhere(
    header: Path, bloom: RedisBloom, tmp_path: Path
) -> None:
    parts = sorted(
        header.parent.glob("*.bin"), key=lambda path: int(path.name.split("part")[1][:-4])
    )
    assert len(parts) > 3
    (tmp_path / "elsewhere").mkdir()
    moved = [
        Path(shutil.move(part, tmp_path / "elsewhere" / f"{n}")) for n, part in enumerate(parts)
    ]
    with pytest.raises(QuotetuneError, match=r"part0\.bin: "):
        import_bloom(header, tmp_path / "index")
    with pytest.raises(UsageError, match="parts given for the"):
        import_bloom(header, tmp_path / "index", parts=moved[1:])
    index = import_bloom(header, tmp_path / "index", parts=moved)
    shutil.rmtree(tmp_path / "elsewhere")
    assert_same(Index.open(tmp_path / "index"), bloom, [FOX, FOX[::-1]])
    assert index.fpr > 0


def test_the_command_imports_and_the_others_read(
    header: Path, bloom: RedisBloom, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    result = quotetune("import-bloom", header, "-o", index)
    assert result.returncode == 0 and "25 characters" in result.stderr, result.stderr
    assert sorted(path.name for path in index.iterdir()) == [
        "filter-00000.redisbloom",
        "manifest.json",
    ]
    result = quotetune("info", index)
    for part in ("redisbloom", f"{bloom.elements:,} n-grams", "7 bits each", "fill"):
        assert part in " ".join(result.stdout.split()), result.stdout
    assert "undamaged" in quotetune("verify", index).stdout
    record = json.loads(quotetune("score", index, "--text", FOX).stdout)
    assert record["quip_25_beta"] == 1 and record["quotes"] is None
    assert record["covered"] == [[0, len(FOX)]]
    for command in ("trace", "score --exact"):
        assert_fails(quotetune(*command.split(), index, "--text", FOX), 1, "no suffix index")
    assert_fails(quotetune("import-bloom", header, "-o", index), 2, "--overwrite")
    assert quotetune("import-bloom", header, "-o", index, "--overwrite").returncode == 0
    data = bytearray((index / "filter-00000.redisbloom").read_bytes())
    data[-1] ^= 1
    (index / "filter-00000.redisbloom").write_bytes(data)
    assert quotetune("verify", index).returncode == 1


def test_an_older_layout_needs_its_width_and_its_name(bloom: RedisBloom, tmp_path: Path) -> None:
    bloom.dump_legacy(tmp_path / "old.bf", 100)
    with pytest.raises(UsageError, match="give it with -n"):
        import_bloom(tmp_path / "old.bf.idx", tmp_path / "index")
    with pytest.raises(QuotetuneError, match=r"old\.bf: no JSON header .*NAME\.bf\.idx"):
        import_bloom(tmp_path / "old.bf", tmp_path / "index", n=25)
    (tmp_path / "old.bf.idx").rename(tmp_path / "blocks.json")
    with pytest.raises(UsageError, match="give that file"):
        import_bloom(tmp_path / "blocks.json", tmp_path / "index", n=25)
    index = import_bloom(
        tmp_path / "blocks.json", tmp_path / "index", n=25, parts=[tmp_path / "old.bf"]
    )
    assert_same(index, bloom, [FOX])


def edited(header: Path, **changes: object) -> None:
    header.write_text(json.dumps(json.loads(header.read_text()) | changes))


BAD_JSON = ["", "{", "[]", "{}", '"x"', "[1]", "null", '{"blocks": [], "width": 25}', "\0"]


@pytest.mark.parametrize("content", BAD_JSON)
def test_a_file_that_is_not_a_header_is_an_error(
    header: Path, tmp_path: Path, content: str
) -> None:
    header.write_text(content)
    with pytest.raises(QuotetuneError, match=r"wiki\.25-1\.bf: .*: "):
        import_bloom(header, tmp_path / "index")
    assert not (tmp_path / "index.partial").exists()


def test_a_part_that_is_no_header_is_an_error(header: Path, tmp_path: Path) -> None:
    with pytest.raises(QuotetuneError, match=r"part0\.bin: .*give the small file"):
        import_bloom(header.with_name(header.name + ".part0.bin"), tmp_path / "index")


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("number", [0, 1, -1])
def test_a_part_of_another_length_is_named(
    header: Path, tmp_path: Path, change: int, number: int
) -> None:
    parts = sorted(
        header.parent.glob("*.bin"), key=lambda path: int(path.name.split("part")[1][:-4])
    )
    part = parts[number]
    data = part.read_bytes()
    part.write_bytes(data[:change] if change < 0 else data + b"\0")
    with pytest.raises(QuotetuneError, match=rf"{part.name}: {len(data) + change} bytes long"):
        import_bloom(header, tmp_path / "index")


@pytest.mark.parametrize(
    ("header_fields", "what"),
    [
        ({"filters": 2}, "a chain of 2 filters"),
        ({"options": 1}, "a filter without the option to force 64"),
    ],
)
def test_filters_with_another_hash_are_refused(
    bloom: RedisBloom, tmp_path: Path, header_fields: dict[str, int], what: str
) -> None:
    bloom.dump(tmp_path / "x.bf", 25, 100, 250, **header_fields)
    with pytest.raises(QuotetuneError, match=rf"x\.bf: {what}"):
        import_bloom(tmp_path / "x.bf", tmp_path / "index")


@pytest.mark.parametrize("n2", [20, 64, 255])
def test_more_bits_than_there_are_bytes_are_refused(tmp_path: Path, n2: int) -> None:
    bloom = made([FOX], 25, 8192, 7, 0)
    bloom.n2 = n2
    bloom.dump(tmp_path / "x.bf", 25, 100, 250)
    with pytest.raises(QuotetuneError, match=r"x\.bf: .*8192 bits .* in 1024 bytes"):
        import_bloom(tmp_path / "x.bf", tmp_path / "index")


def test_blocks_out_of_order_and_parts_that_come_twice_are_refused(
    header: Path, tmp_path: Path
) -> None:
    blocks = json.loads(header.read_text())["blocks"]
    for changed, what in (
        ([*blocks[:2], *blocks[3:]], "block 2 is missing or out of order"),
        ([blocks[0], *reversed(blocks[1:])], "block 1 is missing or out of order"),
        ([*blocks[:-1], blocks[-1] | {"part_file": blocks[0]["part_file"]}], "comes twice"),
        ([blocks[0] | {"part_file": "../part"}, *blocks[1:]], "not the name of a file beside it"),
        ([blocks[0] | {"block_size": 2**63}, *blocks[1:]], "the first block"),
        ([*blocks[:-1], blocks[-1] | {"block_size": 2**64 - 1}], "bytes long"),
        (blocks[:1], "no block of bits"),
        (blocks[:-1], "part.*bytes long|its blocks hold"),
    ):
        edited(header, blocks=changed)
        with pytest.raises(QuotetuneError, match=what):
            import_bloom(header, tmp_path / "index")


def test_a_dump_that_contradicts_itself_is_refused(header: Path, tmp_path: Path) -> None:
    info = json.loads(header.read_text())["bf_info"]
    edited(header, bf_info=info | {"hashes": 8})
    with pytest.raises(QuotetuneError, match="bf_info is not that of the first block"):
        import_bloom(header, tmp_path / "index")
    edited(header, bf_info=None, width=65)
    with pytest.raises(UsageError, match="65 characters; those of 1 to 64"):
        import_bloom(header, tmp_path / "index")
    edited(header, width=25)
    with pytest.raises(UsageError, match="25 characters, not 24"):
        import_bloom(header, tmp_path / "index", n=24)


KILLED = """
import os, signal, sys
from quotetune import import_bloom

def die(phase, done, total):
    os.kill(os.getpid(), signal.SIGKILL)

import_bloom(sys.argv[1], sys.argv[2], progress=die)
"""


def test_a_killed_import_is_done_again_from_the_start(
    header: Path, bloom: RedisBloom, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(header), str(tmp_path / "index")]
    assert subprocess.run(command, check=False).returncode == -9
    assert (tmp_path / "index.partial").exists() and not (tmp_path / "index").exists()
    seen: list[tuple[str, int, int]] = []
    index = import_bloom(header, tmp_path / "index", progress=lambda *report: seen.append(report))
    assert_same(index, bloom, [FOX])
    assert not (tmp_path / "index.partial").exists()
    assert seen[-1] == ("import", 2 * 1024, 2 * 1024)


def test_an_imported_filter_does_not_change(header: Path, tmp_path: Path) -> None:
    import_bloom(header, tmp_path / "index")
    before = sorted(path.name for path in (tmp_path / "index").iterdir())
    for change in (
        lambda: add(tmp_path / "index", ["more"]),
        lambda: remove(tmp_path / "index", "documents", ["0"]),
        lambda: compact(tmp_path / "index"),
        lambda: merge([tmp_path / "index"] * 2, tmp_path / "merged"),
    ):
        with pytest.raises(QuotetuneError, match="imported filter, which cannot change"):
            change()
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == before
    assert not (tmp_path / "merged").exists()
