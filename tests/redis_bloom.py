"""A Bloom filter in the formats of RedisBloom and data-portraits, from their descriptions."""

import json
import struct
from pathlib import Path
from typing import Any

M = 0xC6A4A7935BD1E995
FULL = 2**64 - 1


def murmur_hash_64a(key: bytes, seed: int) -> int:
    """Austin Appleby's MurmurHash64A, step by step."""
    value = seed ^ (len(key) * M & FULL)
    for at in range(0, len(key) - len(key) % 8, 8):
        word = int.from_bytes(key[at : at + 8], "little") * M & FULL
        value = (value ^ ((word ^ word >> 47) * M & FULL)) * M & FULL
    if len(key) % 8:
        value = (value ^ int.from_bytes(key[-(len(key) % 8) :], "little")) * M & FULL
    value = (value ^ value >> 47) * M & FULL
    return value ^ value >> 47


class RedisBloom:
    """One filter; n2 > 0 makes it 2^n2 bits long."""

    def __init__(self, bits: int, hashes: int, n2: int = 0) -> None:
        self.bits, self.hashes, self.n2 = bits, hashes, n2
        self.modulus = 2**n2 if n2 else bits
        self.array = bytearray(-(-max(bits, self.modulus) // 8))
        self.elements = 0

    def places(self, gram: str) -> list[int]:
        a = murmur_hash_64a(gram.encode(), M)
        b = murmur_hash_64a(gram.encode(), a)
        return [((a + i * b) & FULL) % self.modulus for i in range(self.hashes)]

    def add(self, gram: str) -> None:
        self.elements += gram not in self
        for place in self.places(gram):
            self.array[place // 8] |= 1 << place % 8

    def __contains__(self, gram: str) -> bool:
        return all(self.array[place // 8] >> place % 8 & 1 for place in self.places(gram))

    def header(self, filters: int = 1, options: int = 4) -> bytes:
        chain = struct.pack("<QIII", self.elements, filters, options, 2)
        one = (len(self.array), self.bits, self.elements, 0.01, 9.6, self.hashes, 1000, self.n2)
        return chain + filters * struct.pack("<QQQddIQB", *one)

    def blocks(self, size: int, **header: int) -> list[tuple[int, bytes]]:
        """The output of SCANDUMP: cursors and blocks."""
        pieces = [bytes(self.array[at : at + size]) for at in range(0, len(self.array), size)]
        ends = [1 + min(len(self.array), at + size) for at in range(0, len(self.array), size)]
        return [(1, self.header(**header)), *zip(ends, pieces, strict=True)]

    def dump(self, path: Path, width: int, block: int, part: int, **header: int) -> dict[str, Any]:
        """Write NAME.bf and parts of at most `part` bytes, as data-portraits does."""
        entries: list[dict[str, Any]] = []
        parts = [b""]
        for number, (cursor, data) in enumerate(self.blocks(block, **header)):
            if len(parts[-1]) + len(data) > part and parts[-1]:
                parts.append(b"")
            parts[-1] += data
            entries.append({"iter": cursor, "block_num": number, "block_size": len(data)})
            entries[-1]["part_file"] = f"{path.name}.part{len(parts) - 1}.bin"
        for number, content in enumerate(parts):
            path.with_name(f"{path.name}.part{number}.bin").write_bytes(content)
        bits, hashes = self.bits, self.hashes
        info = {"bytes": len(self.array), "bits": bits, "hashes": hashes, "n2": self.n2}
        content = {"blocks": entries, "bf_info": info, "width": width, "key": path.name}
        path.write_text(json.dumps(content | {"last-loaded": {"host": "h", "port": 1}}))
        return content

    def dump_legacy(self, path: Path, block: int) -> None:
        """Write NAME.bf and NAME.bf.idx, the older layout."""
        blocks = self.blocks(block)
        path.write_bytes(b"".join(data for _, data in blocks))
        entries = [
            {"iter": cursor, "block_num": number, "block_size": len(data)}
            for number, (cursor, data) in enumerate(blocks)
        ]
        path.with_name(path.name + ".idx").write_text(json.dumps(entries))
