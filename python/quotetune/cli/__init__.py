"""The `quotetune` command, with one file per subcommand.

`--help` imports the module of every subcommand. So these modules import only the standard library
and typer, and a command imports everything else when it runs.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import typer

from quotetune.cli.add import add
from quotetune.cli.analyze import analyze
from quotetune.cli.build_index import build_index
from quotetune.cli.build_planned import build_planned
from quotetune.cli.cite import cite
from quotetune.cli.compact import compact
from quotetune.cli.contains import contains
from quotetune.cli.decontaminate import decontaminate
from quotetune.cli.dedup import dedup
from quotetune.cli.demo_data import demo_data
from quotetune.cli.evaluate import evaluate
from quotetune.cli.export import export
from quotetune.cli.generate import generate
from quotetune.cli.import_bloom import import_bloom
from quotetune.cli.info import info
from quotetune.cli.merge import merge
from quotetune.cli.pair import pair
from quotetune.cli.prepare import prepare
from quotetune.cli.remove import remove
from quotetune.cli.repeats import repeats
from quotetune.cli.replicate import replicate
from quotetune.cli.report import report
from quotetune.cli.sample import sample
from quotetune.cli.score import score
from quotetune.cli.serve import serve
from quotetune.cli.trace import trace
from quotetune.cli.train import train
from quotetune.cli.verify import verify
from quotetune.errors import QuotetuneError, QuotetuneWarning, reason_of
from quotetune.runtime.streams import silent_on_closed_pipe, speak_utf8, standard_output

_INTERRUPTED = 130

app = typer.Typer(
    name="quotetune",
    help="Make a language model quote its sources, and find what a text quotes from a corpus.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    # Printing help with rich takes longer than everything else together.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"quotetune {version('quotetune')}")
        raise typer.Exit


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Declare the options before the subcommand; `main` reads them."""


app.add_typer(prepare, name="prepare")
app.command()(build_index)
app.command(hidden=True)(build_planned)
app.command()(import_bloom)
app.command()(add)
app.command()(remove)
app.command()(merge)
app.command()(compact)
app.command()(score)
app.command()(trace)
app.command()(contains)
app.command()(repeats)
app.command()(decontaminate)
app.command()(dedup)
app.command()(cite)
app.command()(serve)
app.command()(info)
app.command()(verify)
app.command()(sample)
app.command()(pair)
app.command()(evaluate)
app.command()(train)
app.command()(replicate)
app.command()(generate)
app.command()(export)
app.add_typer(analyze, name="analyze")
app.command()(report)
app.command()(demo_data)


def _show_warning(
    usual: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any
) -> None:
    """Show a warning of quotetune as one line, without the place in the code."""
    if issubclass(category, QuotetuneWarning):
        print(f"warning: {message}", file=sys.stderr)
    else:
        usual(message, category, *where)


def main() -> None:
    """Run the command line; errors are one line on stderr unless `--debug` is given."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    speak_utf8()
    warnings.showwarning = partial(_show_warning, warnings.showwarning)
    with silent_on_closed_pipe():
        _run(debug)


def _run(debug: bool) -> None:
    try:
        with standard_output():
            app()
    except QuotetuneError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        # After Ctrl-C, typer exits with this code and prints nothing.
        if end.code == _INTERRUPTED:
            print("interrupted: run the same command again", file=sys.stderr)
        raise
    except Exception as error:
        # An unexpected error is also one line, which says how to see the rest.
        if debug:
            raise
        what = reason_of(error)
        print(
            f"error: unexpected {type(error).__name__}: {what}: "
            "put --debug after quotetune to see where, and report it",
            file=sys.stderr,
        )
        sys.exit(1)
