"""Whether an upstream is the server itself, which would ask itself until no place is left."""

import ipaddress
import socket
from typing import TypeAlias
from urllib.parse import urlsplit

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS = {"http": 80, "https": 443}


def is_own_address(url: str, host: str, port: int) -> bool:
    """Tell whether a URL leads to the server that listens at an address.

    The usual addresses of this machine count as one: who writes `localhost` or `[::1]` for a server
    that listens on 127.0.0.1 means that server.

    Args:
        url: The URL, which has a host.
        host: The address or name that the server listens at.
        port: The port that the server listens at; 0 for any that is free, which no URL names.

    Example:
        >>> is_own_address("http://127.0.0.1:8000/v1", "127.0.0.1", 8000)
        True
        >>> is_own_address("http://127.0.0.1:8001/v1", "127.0.0.1", 8000)
        False
    """
    parts = urlsplit(url)
    if (parts.port or _PORTS[parts.scheme]) != port:
        return False  # no name needs to be looked up
    own, asked = _addresses(host), _addresses(parts.hostname or "")
    if own & asked:
        return True
    everywhere = any(address.is_unspecified for address in own)
    if everywhere or any(map(_is_usual, own)):
        return any(map(_is_of_this_machine if everywhere else _is_usual, asked))
    return False


def _addresses(host: str) -> set[_Address]:
    """Return the addresses of a host; none if nobody knows it, which is found out with a chat."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    addresses = (ipaddress.ip_address(str(address[0])) for *_, address in found)
    return {getattr(address, "ipv4_mapped", None) or address for address in addresses}


def _is_usual(address: _Address) -> bool:
    """Tell whether an address is one by which this machine is usually meant."""
    return address.is_unspecified or str(address) in ("127.0.0.1", "::1")


def _is_of_this_machine(address: _Address) -> bool:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # the kernel lets nobody bind an address of others
    except OSError:
        return _is_usual(address)
    return True
