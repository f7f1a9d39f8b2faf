"""The exceptions that quotetune raises for what a user can set right."""


class QuotetuneError(Exception):
    """Something went wrong that the message explains: what, where, and what to do.

    The command line prints the message as one line and exits with `exit_code`.
    """

    exit_code = 1


class QuotetuneWarning(UserWarning):
    """Something that may not be what was meant, and that nothing was stopped for."""


class UsageError(QuotetuneError):
    """A call, an option or a config that cannot work, found before any work was done."""

    exit_code = 2
