"""The command line for real data: ``ibcore data list | fetch``."""

from typing import Annotated

import typer

from ibcore.data import DATA_SETS, DataSet, fetch, place

data = typer.Typer(no_args_is_help=True, help="Real data sets.")


@data.command("list")
def list_data() -> None:
    """List the data sets: what they are, their license, and which files are here."""
    for source in DATA_SETS.values():
        typer.echo(f"{source.name}  [{source.license}]\n    {source.about}\n    {_state(source)}")


@data.command("fetch")
def fetch_data(name: Annotated[str, typer.Argument(help="A data set of the list.")]) -> None:
    """Download a data set, or check the files that are here already."""
    try:
        for path in fetch(name, progress=True):
            typer.echo(f"{path}: sound")
    except ImportError as error:  # pooch is not among the needs of ibcore
        raise ValueError(str(error)) from error


def _state(source: DataSet) -> str:
    """Say how many files are here; without pooch the place of the cache is not known."""
    try:
        folder = place(source.name)
    except ImportError:
        return "not here (downloads need pooch: pip install pooch)"
    here = sum((folder / file.name).is_file() for file in source.files)
    return f"{here} of {len(source.files)} files in {folder}"
