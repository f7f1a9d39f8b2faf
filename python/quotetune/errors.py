"""The exceptions that quotetune raises for errors that a user can correct."""


class QuotetuneError(Exception):
    """An error whose message says what went wrong, where, and what to do.

    The command line prints the message as one line and exits with `exit_code`.
    """

    exit_code = 1


class QuotetuneWarning(UserWarning):
    """A notice of something that may not be intended; the work continues."""


class UnknownDocumentError(QuotetuneError):
    """An index does not contain the document that is asked for."""


class UsageError(QuotetuneError):
    """An invalid call, option or config, found before any work is done."""

    exit_code = 2


def reason_of(error: BaseException) -> str:
    r"""Return what an error of another library says, on one line; its type if it says nothing.

    Example:
        >>> reason_of(ValueError("no\n  end")), reason_of(KeyError())
        ('no end', 'KeyError')
    """
    return " ".join(str(error).split()) or type(error).__name__


def unread_because(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read, without its path, which the message names already.

    Example:
        >>> unread_because(FileNotFoundError(2, "No such file or directory", "run.yaml"))
        'No such file or directory'
    """
    return (error.strerror if isinstance(error, OSError) else None) or reason_of(error)
