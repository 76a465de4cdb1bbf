"""Real data sets: tiny files of the official formats, found, checked, downloaded and read."""

import gzip
import hashlib
import io
import sys
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from ibcore import data
from ibcore.runs.cli import main


def idx(*shape, start=0):
    """Return a gzip-compressed IDX file that counts up."""
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    count = 1
    for size in shape:
        count *= size
    values = bytes((start + i) % 10 for i in range(count))
    return gzip.compress(bytes([0, 0, 8, len(shape)]) + sizes + values)


def cifar():
    """Return an archive with two images in each batch of CIFAR-10."""
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    files = {"batches.meta.txt": b"cat\ndog\nship\n\n"}
    for number, name in enumerate(names):
        record = b"".join(bytes([10 * number + channel]) * 1024 for channel in range(3))
        first, second = number % 3, (number + 1) % 3
        files[f"{name}.bin"] = bytes([first]) + record + bytes([second]) + record
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


MNIST = {
    "train-images-idx3-ubyte.gz": idx(6, 4, 3),
    "train-labels-idx1-ubyte.gz": idx(6),
    "t10k-images-idx3-ubyte.gz": idx(2, 4, 3, start=5),
    "t10k-labels-idx1-ubyte.gz": idx(2, start=7),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder that IBCORE_DATA names."""
    monkeypatch.setenv("IBCORE_DATA", str(tmp_path))
    return tmp_path


def put(folder, monkeypatch, name, contents, **changes):
    """Write tiny files and make them the official ones of a data set."""
    (folder / name).mkdir(exist_ok=True)
    files = []
    for file in data.find_data_set(name).files:
        content = contents.get(file.name, b"")
        (folder / name / file.name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(replace(file, sha256=digest, size=len(content), **changes))
    entry = replace(data.find_data_set(name), files=tuple(files))
    monkeypatch.setitem(data.DATA_SETS, name, entry)


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch):
    monkeypatch.setenv("IBCORE_DATA", "~/my data")
    assert data.data_dir("mnist") == Path.home() / "my data" / "mnist"


def test_a_file_in_the_place_of_a_folder_is_named(folder, monkeypatch):
    (folder / "mnist").touch()
    with pytest.raises(NotADirectoryError, match=r"IBCORE_DATA/mnist names .*, which is a file"):
        data.data_file("mnist", "train-labels-idx1-ubyte.gz")
    monkeypatch.setenv("IBCORE_DATA", str(folder / "mnist"))
    with pytest.raises(NotADirectoryError, match=r"IBCORE_DATA names .*, which is a file"):
        data.fetch("mnist")


@pytest.mark.parametrize(
    ("name", "load"), [("mnist", data.load_mnist), ("fashion_mnist", data.load_fashion_mnist)]
)
def test_idx_files_become_images_of_one_channel_and_labels(folder, monkeypatch, name, load):
    put(folder, monkeypatch, name, MNIST)
    images = load()
    assert images.train_images.shape == (6, 1, 4, 3)
    assert images.train_images.dtype == torch.uint8
    assert images.train_images.flatten().tolist() == [i % 10 for i in range(72)]
    assert images.train_labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert images.test_images.flatten()[:3].tolist() == [5, 6, 7]
    assert (images.test_labels.tolist(), images.test_labels.dtype) == ([7, 8], torch.int64)
    assert len(images.classes) == 10
    images.train_images.zero_()  # memory of its own, safe to write


def test_the_binary_archive_of_cifar_is_read_in_memory_in_the_official_order(folder, monkeypatch):
    put(folder, monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": cifar()})
    images = data.load_cifar10()
    assert images.train_images.shape == (10, 3, 32, 32)
    assert images.train_images[:, :, 0, 0].tolist() == [
        [10 * (i // 2) + channel for channel in range(3)] for i in range(10)
    ]
    assert images.train_labels.tolist() == [0, 1, 1, 2, 2, 0, 0, 1, 1, 2]
    assert images.test_images[:, :, 31, 31].tolist() == [[50, 51, 52]] * 2
    assert images.test_labels.tolist() == [2, 0]
    assert images.classes == ("cat", "dog", "ship")
    assert sorted(path.name for path in folder.rglob("*")) == ["cifar-10-binary.tar.gz", "cifar10"]


def test_texts_are_read_as_they_are(folder, monkeypatch):
    put(folder, monkeypatch, "tiny_shakespeare", {"input.txt": b"First Citizen:\n"})
    assert data.load_tiny_shakespeare() == "First Citizen:\n"
    put(folder, monkeypatch, "wikitext2", {"valid.txt": " = Ö\n".encode(), "test.txt": b"<unk>"})
    assert data.load_wikitext2() == (" = Ö\n", "<unk>")


def test_the_archives_of_omniglot_are_found_by_their_part(folder, monkeypatch):
    put(folder, monkeypatch, "omniglot", {"images_background_small1.zip": b"zip"})
    assert data.omniglot_archive("background_small1").read_bytes() == b"zip"


def test_a_missing_file_is_one_error_with_the_remedy(folder):
    with pytest.raises(FileNotFoundError) as error:
        data.load_cifar10()
    text = str(error.value)
    assert str(folder / "cifar10" / "cifar-10-binary.tar.gz") in text
    assert "put https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz there" in text
    assert "unset IBCORE_DATA" in text


def test_a_damaged_file_is_one_error_with_the_remedy(folder, monkeypatch):
    put(folder, monkeypatch, "mnist", MNIST)
    labels = folder / "mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"train-labels.* is not the official file .* replace it"):
        data.load_mnist()


def test_unknown_names_are_refused_with_the_choices():
    with pytest.raises(ValueError, match="unknown data_set 'svhn'; choose one of 'cifar10'"):
        data.fetch("svhn")
    with pytest.raises(ValueError, match="mnist has no file 'x'; it has train-images"):
        data.data_file("mnist", "x")
    with pytest.raises(ValueError, match="unknown part 'all'; choose one of 'background'"):
        data.omniglot_archive("all")


class Quiet(SimpleHTTPRequestHandler):
    """A server that counts and says nothing."""

    asked: list = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve tiny official files of MNIST from this computer, with a cache of our own."""
    pytest.importorskip("pooch")
    monkeypatch.delenv("IBCORE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    Quiet.asked.clear()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        put_served(tmp_path, monkeypatch, running.server_address[1])
        yield running
        running.shutdown()


def put_served(root, monkeypatch, port):
    (root / "served").mkdir()
    put(root / "served", monkeypatch, "mnist", MNIST)
    entry = data.find_data_set("mnist")
    files = [
        replace(
            file,
            urls=(
                f"http://127.0.0.1:{port}/nowhere/{file.name}",
                f"http://127.0.0.1:{port}/mnist/{file.name}",
            ),
        )
        for file in entry.files
    ]
    monkeypatch.setitem(data.DATA_SETS, "mnist", replace(entry, files=tuple(files)))


def test_files_are_downloaded_once_from_the_first_address_that_works(server, tmp_path):
    assert data.load_mnist().train_labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert len(server.RequestHandlerClass.func.asked) == 8
    data.load_mnist()
    assert len(server.RequestHandlerClass.func.asked) == 8
    assert data.data_dir("mnist") == tmp_path / "cache" / "ibcore" / "mnist"
    assert len(list(data.data_dir("mnist").iterdir())) == 4


def test_a_damaged_cache_is_downloaded_anew(server):
    path = data.fetch("mnist")[1]
    good = path.read_bytes()
    path.write_bytes(b"damaged")
    assert data.data_file("mnist", path.name).read_bytes() == good


def test_a_download_of_other_content_or_none_is_one_error_with_the_remedy(server, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / "served" / "mnist" / name).write_bytes(b"other")
    with pytest.raises(OSError, match="could not be downloaded") as error:
        data.data_file("mnist", name)
    text = str(error.value)
    assert "404" in text
    assert "does not match" in text
    assert f"as mnist/{name} and set IBCORE_DATA to that folder" in text
    assert not (data.data_dir("mnist") / name).exists()


def test_a_download_without_pooch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("IBCORE_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pip install pooch, or set IBCORE_DATA"):
        data.load_mnist()
    monkeypatch.setenv("IBCORE_DATA", str(tmp_path))
    put(tmp_path, monkeypatch, "mnist", MNIST)
    assert len(data.load_mnist().train_labels) == 6  # a folder of one's own needs no pooch


def says(capsys, *arguments, status=0):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    shown = capsys.readouterr()
    assert stopped.value.code == status, shown.err
    return shown.out, shown.err


def test_the_command_lists_and_fetches(server, capsys):
    out, _ = says(capsys, "data", "list")
    assert "mnist  [CC BY-SA 3.0]" in out
    assert f"0 of 4 files in {data.data_dir('mnist')}" in out
    out, _ = says(capsys, "data", "fetch", "mnist")
    assert out.count(": sound") == 4
    out, _ = says(capsys, "data", "list")
    assert f"4 of 4 files in {data.data_dir('mnist')}" in out


def test_the_command_reports_a_failure_in_one_line(folder, monkeypatch, capsys):
    _, err = says(capsys, "data", "fetch", "cifar10", status=2)
    assert err.startswith("error: ")
    assert "unset IBCORE_DATA" in err
    _, err = says(capsys, "data", "fetch", "svhn", status=2)
    assert "unknown data_set 'svhn'" in err
    monkeypatch.delenv("IBCORE_DATA")
    monkeypatch.setitem(sys.modules, "pooch", None)
    _, err = says(capsys, "data", "fetch", "mnist", status=2)
    assert "pip install pooch" in err
    out, _ = says(capsys, "data", "list")
    assert "downloads need pooch" in out


def test_every_entry_has_a_checksum_and_secure_addresses():
    for entry in data.DATA_SETS.values():
        for file in entry.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.urls
            assert all(url.startswith("https://") for url in file.urls)
            assert all(url.endswith(f"/{file.name}") for url in file.urls)


def test_a_download_stops_at_the_size_in_the_catalogue(server, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / "served" / "mnist" / name).write_bytes(bytes(10**6))
    with pytest.raises(OSError, match=rf"it sends more than the \d+ bytes of {name}"):
        data.data_file("mnist", name)
    assert not list(data.data_dir("mnist").glob("*"))


def test_the_catalogue_says_the_size_of_every_file():
    assert all(file.size > 1000 for entry in data.DATA_SETS.values() for file in entry.files)
