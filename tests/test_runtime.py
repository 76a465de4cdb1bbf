"""Devices, generators and tiers: what is accepted, and what the errors say."""

import inspect
import subprocess
import sys

import pytest
import torch

import ibcore
from ibcore.door import Count, door
from ibcore.runtime import TIERS, check_tier, default_tier, describe, generator, resolve_device


def test_no_device_means_the_cpu():
    assert resolve_device() == torch.device("cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


def test_an_unknown_device_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"unknown device 'tpu9'.*'cuda'"):
        resolve_device("tpu9")


def test_a_missing_gpu_is_one_clear_error():
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(
        ValueError, match=rf"{absent}.*CUDA devices are available; use device='cpu'"
    ):
        resolve_device(absent)


def test_generators_with_one_seed_agree_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    first, second = (torch.rand(4, generator=generator(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(4, generator=generator(8)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"got {seed}"):
        generator(seed)


def test_the_tier_comes_from_the_environment_and_a_typo_is_an_error(monkeypatch):
    monkeypatch.delenv("IBCORE_TIER", raising=False)
    assert default_tier() == "laptop"
    for tier in TIERS:
        monkeypatch.setenv("IBCORE_TIER", tier)
        assert default_tier() == check_tier(tier) == tier
    monkeypatch.setenv("IBCORE_TIER", "labtop")
    with pytest.raises(ValueError, match="unknown tier 'labtop'; choose one of smoke"):
        default_tier()


def test_describe_names_the_versions_and_the_tier(monkeypatch):
    monkeypatch.setenv("IBCORE_TIER", "smoke")
    assert torch.__version__ in describe()
    assert "tier smoke" in describe()


def test_importing_the_package_loads_neither_pandas_nor_plotting():
    code = (
        "import sys, ibcore; ibcore.MLP\n"
        "heavy = ('pandas', 'matplotlib', 'anywidget', 'yaml', 'typer'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_an_unknown_public_name_is_an_attribute_error():
    import ibcore

    with pytest.raises(AttributeError, match="no attribute 'redshfit'"):
        _ = ibcore.redshfit
    for name in ibcore.__all__:
        assert getattr(ibcore, name) is not None
    assert dir(ibcore) == sorted(ibcore.__all__)
    assert set(ibcore.__all__) == {"__version__", *ibcore._HOME}


def test_the_door_does_not_show_in_signatures() -> None:
    @door
    def draw(x: torch.Tensor, count: Count | None = 2, *at: int, **more: int) -> None:
        """Draw."""

    shown = str(inspect.signature(draw))
    assert shown == ("(x: torch.Tensor, count: Optional[int] = 2, *at: int, **more: int) -> None")
    assert "Annotated" not in str(inspect.signature(ibcore.MLP))
    assert inspect.signature(ibcore.MLP).parameters["depth"].annotation is int
