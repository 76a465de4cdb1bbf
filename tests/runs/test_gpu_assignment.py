"""One GPU per worker, without a GPU: who sees which, and what is refused."""

import os
import time
from pathlib import Path

import pytest

from ibcore.runs import open_executor
from ibcore.runs.executors import assign_gpus, check_one_gpu_each, check_own_gpu, visible_gpus


def seen(folder: Path) -> str | None:
    """Return the GPUs that a worker sees, once a second worker is at the same point."""
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + 120
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < deadline, "no second worker within two minutes"
        time.sleep(0.02)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@pytest.mark.slow
def test_each_process_sees_a_gpu_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5e,7")
    with open_executor("processes:2", device="cuda") as pool:
        assert set(pool.map(seen, [tmp_path] * 2)) == {"3", "GPU-5e"}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,GPU-5e,7"


@pytest.mark.parametrize("spec", ["processes:3", "dask:local:3"])
def test_more_workers_than_gpus_is_an_error_that_names_both(
    monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    message = r"3 workers were asked for but 2 GPUs are visible \(0, 1\).*at most 2 workers"
    with pytest.raises(ValueError, match=message):
        open_executor(spec, device="cuda")


def test_one_named_gpu_for_several_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="'cuda:1' is one GPU for all workers"):
        assign_gpus(2, ("0", "1"), device="cuda:1")


def test_the_visible_gpus_end_where_cuda_ends_them() -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1,-1,2"}, 4) == ("1",)
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, 4) == ()


def test_workers_of_a_cluster_that_share_a_gpu_or_see_several_are_refused() -> None:
    check_one_gpu_each({"a": ["host 1"], "b": ["host 2"]})
    with pytest.raises(ValueError, match="workers a and b share the GPU host 1"):
        check_one_gpu_each({"a": ["host 1"], "b": ["host 1"]})
    with pytest.raises(ValueError, match=r"worker b sees 0 GPUs.*--gpus-per-task=1"):
        check_one_gpu_each({"a": ["host 1"], "b": []})


def test_a_worker_that_sees_several_gpus_does_not_take_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    with pytest.raises(ValueError, match=r"sees 4 GPUs.*give each worker one GPU"):
        check_own_gpu("cuda")
    check_own_gpu("cpu")
    check_own_gpu("cuda:2")


@pytest.mark.parametrize(
    "spec", ["processes", "processes:0", "processes:-1", "dask:", "dask:local", "slurm:4", ""]
)
def test_an_unknown_executor_lists_the_known_forms(spec: str) -> None:
    with pytest.raises(ValueError, match=r"is none of processes:N, dask:ADDRESS"):
        open_executor(spec)
