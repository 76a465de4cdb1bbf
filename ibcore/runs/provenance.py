"""Where a result comes from: experiment, configuration, code, versions and machine."""

import functools
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import ibcore

_LATER = {"instructions", "code"}  # fields that results of the first edition do not have


@dataclass(frozen=True)
class Provenance:
    """What a stored result says about its own origin.

    Attributes
    ----------
    experiment, question, tier
        Which experiment, at which tier.
    config
        The configuration of the tier as plain values.
    plan
        Digest of the keys of all cells; another plan is another experiment.
    cells
        How many cells the frame holds.
    cell
        The fields of the cell, in the file of a single cell; None in a gathered result.
    seconds
        Computing time, summed over cells.
    date
        When the result was finished, UTC, ISO 8601.
    commit
        Git commit of the code, or None outside a checkout.
    dirty
        Whether the package differed from that commit, or None outside a checkout.
    versions
        Versions of python, torch, numpy, pandas and ibcore.
    device, device_name, processor
        ``"cpu"`` or ``"cuda:0"``, the name of the GPU or processor, and the processor.
    seeds
        The different values of a column ``seed``, sorted; empty without that column.
    instructions
        The instruction set that torch computed with, for instance ``"AVX2"``; results of the
        first edition do not say (None).
    code
        Digest of the code that computed it; None where there was no source, and in
        results of the first edition.
    """

    experiment: str
    question: str
    tier: str
    config: Mapping[str, Any]
    plan: str
    cells: int
    cell: Mapping[str, Any] | None
    seconds: float
    date: str
    commit: str | None
    dirty: bool | None
    versions: Mapping[str, str]
    device: str
    device_name: str
    processor: str
    seeds: tuple[int, ...]
    instructions: str | None = None
    code: str | None = None

    def to_json(self) -> str:
        """Return the JSON text that the file carries."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "versions": dict(self.versions), "seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, text: str | bytes) -> "Provenance":
        """Read the JSON text of a file; ``ValueError`` if it is not what `to_json` writes."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, values: Any) -> "Provenance":
        """Read plain values; ``ValueError`` if they are not what `to_dict` returns."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not names - _LATER <= set(values) <= names:
            raise ValueError("the provenance does not have the expected fields")
        return cls(**{**values, "seeds": tuple(values["seeds"])})


@dataclass(frozen=True)
class Machine:
    """The versions and hardware that computed a cell, as seen from where it ran."""

    versions: Mapping[str, str]
    device: str
    device_name: str
    processor: str
    instructions: str | None


def machine(device: torch.device) -> Machine:
    """Describe this process and the device it computes on.

    Examples
    --------
    >>> machine(torch.device("cpu")).device
    'cpu'
    """
    processor = _processor()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor
    instructions = torch.backends.cpu.get_cpu_capability()
    return Machine(_versions(), str(device), name, processor, instructions)


def device_kind(device: str) -> str:
    """Return ``"cpu"`` or ``"cuda"``: times on one kind say nothing about the other.

    Examples
    --------
    >>> device_kind("cuda:0")
    'cuda'
    """
    return device.partition(":")[0]


def now() -> str:
    """Return the present time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_state(package: Path | None = None) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether the package differs from it.

    ``(None, None)`` when the package does not lie in a git checkout of its own, as when it is
    installed from a wheel, or when git is not there.
    """
    folder = package or Path(ibcore.__file__).parent
    if not (folder.parent / ".git").exists():
        return None, None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, bool(changes)


def merge(cells: Sequence[Provenance], seeds: Iterable[int]) -> Provenance:
    """Return the provenance of the frame gathered from ``cells``.

    Seconds are added; where cells differ in commit, versions or machine, all values are listed.
    """
    first = cells[0]
    commits = {cell.commit for cell in cells}
    names = sorted({name for cell in cells for name in cell.versions})
    return Provenance(
        experiment=first.experiment,
        question=first.question,
        tier=first.tier,
        config=first.config,
        plan=first.plan,
        cells=len(cells),
        cell=None,
        seconds=round(sum(cell.seconds for cell in cells), 3),
        date=max(cell.date for cell in cells),
        commit=_known("none", commits),
        dirty=None if commits == {None} else any(cell.dirty for cell in cells),
        versions={
            name: _listed(cell.versions[name] for cell in cells if name in cell.versions)
            for name in names
        },
        device=_listed(cell.device for cell in cells),
        device_name=_listed(cell.device_name for cell in cells),
        processor=_listed(cell.processor for cell in cells),
        seeds=tuple(sorted(set(seeds))),
        instructions=_known("unknown", {cell.instructions for cell in cells}),
        code=_known("unknown", {cell.code for cell in cells}),
    )


def _known(missing: str, values: set[str | None]) -> str | None:
    return None if values == {None} else _listed(value or missing for value in values)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


@functools.cache
def _versions() -> Mapping[str, str]:
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # with the build, such as +cu124
        **{name: version(name) for name in ("numpy", "pandas")},
        "ibcore": ibcore.__version__,
    }


@functools.cache
def _processor() -> str:
    """Name of the processor; Linux tells it only in a file."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"
