"""The command line for the ledger: ``ibcore claims list | check | fill``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ibcore.runs.claims import Results, check, of_lab
from ibcore.runs.evaluation import show, show_interval
from ibcore.runs.fill import fill_file
from ibcore.runs.ledger import ledger_path, read_ledger
from ibcore.runs.options import LabOption, TierOption, tier_of

ledger = typer.Typer(no_args_is_help=True, help="The ledger of claims.")


@ledger.command("list")
def list_claims(lab: LabOption = None) -> None:
    """List the claims: id, tier, verdict and statement."""
    for claim in of_lab(read_ledger(), lab):
        typer.echo(f"{claim.id}  [{claim.tier or '-'}; {claim.verdict}]\n    {claim.statement}")


@ledger.command("check")
def check_claims(
    lab: LabOption = None,
    tier: TierOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run the experiments anew.")] = False,
) -> None:
    """Check the claims against stored results; exit status 1 if one fails."""
    results = check(lab, tier_of(tier), fresh)
    for result in results:
        value = show(result.claim, result.value)
        expect = result.claim.expected()
        typer.echo(
            f"{'pass' if result.passed else 'FAIL'}  {result.claim.id}  {value} "
            f"[{show_interval(result)}], n={result.n}, {result.tier}; expected {expect}"
        )
    failed = sum(not result.passed for result in results)
    typer.echo(f"{len(results) - failed} of {len(results)} claims hold")
    if failed:
        raise typer.Exit(1)


@ledger.command("fill")
def fill_claims(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders (default: the whole book).")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit status 1 if a number is stale.")
    ] = False,
) -> None:
    """Bring the numbers in the prose up to date with the ledger."""
    known = [claim for claim in read_ledger().values() if claim.measure is not None]
    results = Results(known)
    stale = [
        entry
        for path in _pages(paths or _book())
        for entry in fill_file(path, results, write=not check_only)
    ]
    for entry in stale:
        typer.echo(str(entry))
    typer.echo(f"{len(stale)} numbers {'are stale' if check_only else 'filled in'}")
    if stale and check_only:
        raise typer.Exit(1)


def _book() -> list[Path]:
    root = ledger_path().parent.parent
    if ledger_path().name != "claims.yml":
        raise FileNotFoundError("the book is not part of the installed package; name the files")
    return [folder for folder in (root / "book", root / "notebooks") if folder.is_dir()]


def _pages(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and the Markdown pages and notebooks of the folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for page in sorted(path.rglob("*")):
            hidden = any(part.startswith((".", "_build")) for part in page.relative_to(path).parts)
            if page.suffix in (".md", ".ipynb") and not hidden:
                yield page
