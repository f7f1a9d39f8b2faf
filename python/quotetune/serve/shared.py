"""The counts that all workers share, so that a limit holds for the server.

They are in a file without a name that every worker maps. A lock of the file guards them. The kernel
takes the lock from a process that dies, so no dead worker can stop the others. A count per worker
says how much that worker has in work, so the counts of a dead one can be cleared.
"""

import fcntl
import hashlib
import ipaddress
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SALT = 16
_WORKERS = 256
_COUNT = struct.Struct("<q")
# A client: a hash of its address, and the time at which all its requests are paid for.
_CLIENT = struct.Struct("<Qd")
_CLIENTS = 1 << 13
_PLACES = 8
_FIRST_CLIENT = _SALT + _WORKERS * _COUNT.size
_SIZE = _FIRST_CLIENT + _CLIENTS * _CLIENT.size


class SharedCounts:
    """Counts of the requests of each client, and of the work of each worker.

    Only one thread of a process may use them, because the lock is one of processes.

    Args:
        descriptor: The file, as `new_counts` makes it.
        worker: The number of this worker.
    """

    def __init__(self, descriptor: int, worker: int) -> None:
        self._file = descriptor
        self._map = mmap.mmap(descriptor, _SIZE)
        self._own = _SALT + worker * _COUNT.size

    def may_ask(self, client: str, rate: float, now: float | None = None) -> bool:
        """Count a request of a client, unless it has sent too many.

        This is the generic cell rate algorithm, a token bucket in one number. Each request costs
        1 / rate seconds, and a client may be up to one second ahead of the clock.

        Args:
            client: The client's address.
            rate: The requests per second that it may send.
            now: The time, in seconds.

        Returns:
            Whether the client may send it.

        Example:
            >>> counts = SharedCounts(new_counts(), 0)
            >>> [counts.may_ask("192.0.2.1", 2, now) for now in (10, 10, 10, 10.6)]
            [True, True, False, True]
            >>> counts.may_ask("192.0.2.2", 2, 10)
            True
        """
        now = time.monotonic() if now is None else now
        salt = self._map[:_SALT]
        digest = hashlib.blake2b(_network(client), digest_size=8, key=salt).digest()
        key = int.from_bytes(digest, "little")
        with self._lock():
            place, paid = self._place(key, now)
            paid = max(paid, now) + 1 / rate
            if paid > now + max(1.0, 1 / rate) + 1e-9:  # the sum of 1 / rate is not exact
                return False
            _CLIENT.pack_into(self._map, place, key, paid)
            return True

    def start_work(self, most: int) -> bool:
        """Count a piece of work of this worker, unless all workers together have the most."""
        with self._lock():
            if self._working() >= most:
                return False
            self._add(1)
            return True

    def end_work(self) -> None:
        """Count a piece of work of this worker as done."""
        with self._lock():
            self._add(-1)

    def working(self) -> int:
        """Return how many pieces of work all workers have."""
        with self._lock():
            return self._working()

    def clear_work(self, worker: int) -> None:
        """Forget the work of a worker that has died."""
        with self._lock():
            _COUNT.pack_into(self._map, _SALT + worker * _COUNT.size, 0)

    def _place(self, key: int, now: float) -> tuple[int, float]:
        """Find the place of a client, or else the place whose client waits least.

        A place whose time has passed is free. If none is, a client is forgotten that has sent few
        requests, so an attacker with many addresses gains less than one with few.
        """
        best = (float("inf"), 0)
        for step in range(_PLACES):
            place = _FIRST_CLIENT + (key + step) % _CLIENTS * _CLIENT.size
            held, paid = _CLIENT.unpack_from(self._map, place)
            if held == key:
                return place, paid
            best = min(best, (paid, place))
        return best[1], now

    def _working(self) -> int:
        counts = struct.unpack_from(f"<{_WORKERS}q", self._map, _SALT)
        return sum(counts)

    def _add(self, number: int) -> None:
        (count,) = _COUNT.unpack_from(self._map, self._own)
        _COUNT.pack_into(self._map, self._own, count + number)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


def new_counts() -> int:
    """Make the file of the counts, and return its descriptor.

    Its first bytes are random, so that nobody can choose addresses that share a place.
    """
    with tempfile.TemporaryFile() as file:
        descriptor = os.dup(file.fileno())
    os.truncate(descriptor, _SIZE)
    os.pwrite(descriptor, os.urandom(_SALT), 0)
    return descriptor


def _network(client: str) -> bytes:
    """Return what counts as one client: an IPv4 address, or a network of IPv6.

    One customer of a provider has 2^64 addresses of IPv6.
    """
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client.encode("utf-8", "replace")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.packed[:8]
