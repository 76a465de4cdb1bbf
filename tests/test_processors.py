"""`make processors` computes with the instruction sets that it names, and runs all of them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".ci"))
import processors

CHILD = """
import torch
print("torch", torch.backends.cpu.get_cpu_capability())
torch.ones(64, 64) @ torch.ones(64, 64)
torch.nn.functional.conv2d(torch.ones(4, 16, 16, 16), torch.ones(16, 16, 3, 3))
"""
# What torch says of itself, oneDNN of a convolution and MKL of a product of matrices.
SIGNS = {
    "AVX2": ("torch AVX2", "convolution,jit:avx2,", "(Intel(R) AVX2) enabled"),
    "baseline": ("torch DEFAULT", "convolution,jit:sse41,", "CNR:COMPATIBLE"),
}


@pytest.mark.slow  # three times the import of torch, for what runs each week
@pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512")
    or not torch.backends.mkl.is_available(),
    reason="the sets are those of a processor that has AVX2, and of a torch that has MKL",
)
@pytest.mark.parametrize("name", processors.SETS)
def test_a_child_computes_with_the_instruction_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    env = processors.environment(name) | {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}
    command = [sys.executable, "-c", CHILD]
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert not [sign for sign in SIGNS.get(name, ()) if sign not in found]
    assert ("torch DEFAULT" in found) == (name == "baseline")


def test_every_set_is_tried_after_one_has_failed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tried: list[str | None] = []

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> SimpleNamespace:
        assert command[-1] == "-x" and "not browser and not book" in command
        tried.append(env.get("ATEN_CPU_CAPABILITY"))
        return SimpleNamespace(returncode=2 * (len(tried) == 1))

    monkeypatch.setattr(subprocess, "run", run)
    assert processors.main(["-x"]) == 1
    assert tried == [None, "avx2", "default"]
    assert "as the machine is: failed with exit status 2" in capfd.readouterr().out
    assert processors.main(["-x"]) == 0
