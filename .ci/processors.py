"""Run all tests but those of the pages on three instruction sets: ``make processors``.

How a sum is split depends on how wide a processor's vectors are, so that two processors round
differently, and a training run can turn the last digit into another network.  What holds on one
kind of processor alone is no result.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETS: Mapping[str, Mapping[str, str]] = {
    "as the machine is": {},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "baseline": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_CBWR": "COMPATIBLE",
    },
}
TESTS = ("--ignore", "tests/book", "-m", "not browser and not book")


def environment(name: str) -> dict[str, str]:
    """Return the environment in which a process computes with an instruction set.

    Examples
    --------
    >>> environment("AVX2")["ATEN_CPU_CAPABILITY"]
    'avx2'
    """
    chosen = {variable for choice in SETS.values() for variable in choice}
    return {key: os.environ[key] for key in os.environ if key not in chosen} | SETS[name]


def main(options: Sequence[str]) -> int:
    """Run the tests on each instruction set; return 1 if they fail on any."""
    status = {}
    for name in SETS:
        print(f"=== Instruction set: {name}", flush=True)
        command = [sys.executable, "-m", "pytest", *TESTS, *options]
        status[name] = subprocess.run(
            command, cwd=ROOT, env=environment(name), check=False
        ).returncode
    for name, code in status.items():
        print(f"{name}: {f'failed with exit status {code}' if code else 'passed'}", flush=True)
    return int(any(status.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
