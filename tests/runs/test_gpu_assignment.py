"""One GPU per worker, without a GPU: who sees which, and what is refused."""

import os
import time
from pathlib import Path

import pytest

from ibcore.runs import open_executor
from ibcore.runs.workers import assign_gpus, check_own_gpu, visible_gpus


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


def test_more_workers_than_gpus_is_an_error_that_names_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    message = r"3 workers were asked for but 2 GPUs are visible \(0, 1\).*at most 2 workers"
    with pytest.raises(ValueError, match=message):
        open_executor("processes:3", device="cuda")


def test_one_named_gpu_for_several_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="'cuda:1' is one GPU for all workers"):
        assign_gpus(2, "cuda:1")


@pytest.mark.parametrize(
    ("named", "visible"), [("1,-1,2", ("1",)), ("", ()), ("2, 5", ("2", "5")), (None, ("0", "1"))]
)
def test_the_visible_gpus_end_where_cuda_ends_them(
    monkeypatch: pytest.MonkeyPatch, named: str | None, visible: tuple[str, ...]
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == visible
    assert assign_gpus(2, "cpu") == (None, None)


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
def test_an_unknown_executor_is_refused_with_the_form_that_is_known(spec: str) -> None:
    with pytest.raises(ValueError, match=r"is not of the form processes:N.*executor="):
        open_executor(spec)
