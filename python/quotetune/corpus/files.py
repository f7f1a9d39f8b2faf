"""Which files of the inputs are a corpus, and the names that their documents get."""

import warnings

from quotetune.corpus.formats import STDIN, is_json_name
from quotetune.corpus.inputs import InputFile, Inputs
from quotetune.corpus.records import lacks_text_key
from quotetune.corpus.rows import Keys
from quotetune.errors import QuotetuneWarning


def corpus_files(inputs: Inputs, keys: Keys) -> list[InputFile]:
    """Return the files that are read, and warn about what is left out.

    Files below a folder that end in `.json` and are no corpus, such as settings, are left out.
    """
    files = []
    for file in inputs.files:
        is_json = file.format == "jsonl" and is_json_name(file.path.name)
        if not file.is_given and is_json and lacks_text_key(file.path, keys.text):
            inputs.leave_out(file.path, f"JSON whose first record has no {keys.text!r}")
        else:
            files.append(file)
    for notice in inputs.notices():
        warnings.warn(notice, QuotetuneWarning, stacklevel=4)
    return files


def default_names(
    file: InputFile, source: str | None, *, by_path: bool = True
) -> tuple[str, str, str]:
    """Return the default source of a file's documents, and the start or whole of their ids.

    Args:
        file: The file.
        source: The one source of all documents, if there is one. The ids must then distinguish
            the files.
        by_path: Whether sources are paths; older indexes have the stems of the files' names.

    Returns:
        The default source, what goes before the number of a record, and the id of the only
        document of a text file.
    """
    if not by_path:
        stem = file.name.rpartition("/")[2]
        return stem, "", "1" if source is None else stem
    if source is None or file.path == STDIN:
        return file.name, "", "1"
    return file.name, f"{file.name}:", file.name
