"""The command line: ``ibcore list | run | status | claims | data``."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from ibcore.runs.claims_commands import ledger
from ibcore.runs.data_commands import data
from ibcore.runs.job import CellError
from ibcore.runs.limits import TimeLimitError
from ibcore.runs.list_commands import list_experiments, status
from ibcore.runs.run_command import run_experiments

AGAIN = 75  # what a temporary failure has been called since sendmail: run it again

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("list")(list_experiments)
app.command("run")(run_experiments)
app.command("status")(status)
app.add_typer(ledger, name="claims")
app.add_typer(data, name="data")


@app.callback()
def _program() -> None:
    """Run the experiments of the book and check its claims."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    An error becomes one line and exit status 2, a time limit one line and exit status 75.
    """
    try:
        with _plain_warnings():
            app(list(sys.argv[1:] if arguments is None else arguments), prog_name="ibcore")
    except (ValueError, OSError, CellError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
    except TimeLimitError as stop:
        typer.echo(str(stop), err=True)
        raise SystemExit(AGAIN) from stop


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings as one line each, without the place in the code."""

    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        typer.echo(f"warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        yield
