"""Which real data sets there are: official addresses, checksums and licenses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One official file.

    Attributes
    ----------
    name
        Of the file, in the folder of its data set.
    urls
        Where to get it; the next one is tried when one fails.
    sha256
        Of its content.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """A data set: what it is, under which license, and its files."""

    name: str
    about: str
    license: str
    files: tuple[RemoteFile, ...]


def _files(bases: tuple[str, ...], checksums: dict[str, str]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(name, tuple(f"{base}/{name}" for base in bases), sha256)
        for name, sha256 in checksums.items()
    )


_GITHUB = "https://raw.githubusercontent.com"
_MNIST = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
_FASHION = (
    f"{_GITHUB}/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141"
    "/data/fashion",
)
_OMNIGLOT = (f"{_GITHUB}/brendenlake/omniglot/057f034baf2ecb8530bc5710e5a23584d2a519cc/python",)
_WIKITEXT = (
    f"{_GITHUB}/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8"
    "/word_language_model/data/wikitext-2",
)

DATA_SETS: dict[str, DataSet] = {
    entry.name: entry
    for entry in (
        DataSet(
            "cifar10",
            "60,000 color photographs of 32 x 32 in ten classes (Krizhevsky 2009)",
            "none stated: do not redistribute",
            _files(
                ("https://www.cs.toronto.edu/~kriz",),
                {
                    "cifar-10-binary.tar.gz": (
                        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
                    )
                },
            ),
        ),
        DataSet(
            "mnist",
            "70,000 handwritten digits of 28 x 28 (LeCun et al. 1998)",
            "CC BY-SA 3.0",
            _files(
                _MNIST,
                {
                    "train-images-idx3-ubyte.gz": (
                        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
                    ),
                    "train-labels-idx1-ubyte.gz": (
                        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
                    ),
                    "t10k-images-idx3-ubyte.gz": (
                        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
                    ),
                    "t10k-labels-idx1-ubyte.gz": (
                        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
                    ),
                },
            ),
        ),
        DataSet(
            "fashion_mnist",
            "70,000 pictures of clothes of 28 x 28 in ten classes (Xiao et al. 2017)",
            "MIT",
            _files(
                _FASHION,
                {
                    "train-images-idx3-ubyte.gz": (
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
                    ),
                    "train-labels-idx1-ubyte.gz": (
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
                    ),
                    "t10k-images-idx3-ubyte.gz": (
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
                    ),
                    "t10k-labels-idx1-ubyte.gz": (
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
                    ),
                },
            ),
        ),
        DataSet(
            "omniglot",
            "1,623 characters of 50 alphabets, each drawn by 20 people (Lake et al. 2015)",
            "MIT",
            _files(
                _OMNIGLOT,
                {
                    "images_background.zip": (
                        "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640"
                    ),
                    "images_evaluation.zip": (
                        "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee"
                    ),
                    "images_background_small1.zip": (
                        "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"
                    ),
                    "images_background_small2.zip": (
                        "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"
                    ),
                },
            ),
        ),
        DataSet(
            "tiny_shakespeare",
            "1.1 million characters of Shakespeare's plays (Karpathy 2015)",
            "public domain",
            _files(
                (f"{_GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare",),
                {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
            ),
        ),
        DataSet(
            "wikitext2",
            "validation and test text of WikiText-2, 0.46 million words (Merity et al. 2016)",
            "CC BY-SA",
            _files(
                _WIKITEXT,
                {
                    "valid.txt": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
                    "test.txt": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
                },
            ),
        ),
    )
}


def find_data_set(name: str) -> DataSet:
    """Return the data set of this name.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> find_data_set("mnist").license
    'CC BY-SA 3.0'
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(DATA_SETS)}")
    return DATA_SETS[name]
