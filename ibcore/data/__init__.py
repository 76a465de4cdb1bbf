"""Real data sets from their official addresses: checked, cached, and never a pickle."""

from ibcore.data.sets import (
    DATA_SETS,
    DataSet,
    ImageData,
    RemoteFile,
    WikiText2,
    data_dir,
    data_file,
    fetch,
    find_data_set,
    load_cifar10,
    load_fashion_mnist,
    load_mnist,
    load_tiny_shakespeare,
    load_wikitext2,
    omniglot_archive,
)

__all__ = [
    "DATA_SETS",
    "DataSet",
    "ImageData",
    "RemoteFile",
    "WikiText2",
    "data_dir",
    "data_file",
    "fetch",
    "find_data_set",
    "load_cifar10",
    "load_fashion_mnist",
    "load_mnist",
    "load_tiny_shakespeare",
    "load_wikitext2",
    "omniglot_archive",
]

place = data_dir  # its former name
