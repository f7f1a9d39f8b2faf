"""The hash of an index, by which runs see that it has changed."""

from hashlib import blake2b
from pathlib import Path

from quotetune.corpus.index_list import members_of
from quotetune.errors import QuotetuneError
from quotetune.runtime.content_hash import content_hash


def index_hash(index: Path) -> str | None:
    """Hash the files of an index, or those of all indexes of a list, in their order.

    A list that names the same indexes by other paths has the same hash, and a list of one index has
    that of the index.

    Args:
        index: The directory of an index, or a `.json` list of such directories.

    Returns:
        A hexadecimal hash; None if nothing exists at the path.
    """
    try:
        members = members_of(index)
    except QuotetuneError:
        # The check of a run's inputs says what is wrong with the list.
        return content_hash(index)
    if len(members) == 1:
        return content_hash(members[0])
    total = blake2b(digest_size=16)
    for member in members:
        total.update(f"{content_hash(member)}\n".encode())
    return total.hexdigest()
