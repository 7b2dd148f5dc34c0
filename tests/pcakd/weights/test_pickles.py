"""Pickles of arrays, read without running code."""

import io
import os
import pickle
from functools import partial

import numpy as np
import pytest

from pcakd.errors import WeightsError
from pcakd.weights.pickles import load_arrays

dumps = partial(pickle.dumps, protocol=4)


class Evil:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return self.arguments


@pytest.mark.parametrize("protocol", [3, 4])
def test_pickle_of_arrays(protocol):
    tree = {"Model": {"Conv_0": {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.zeros(2)}}}
    arrays = load_arrays(io.BytesIO(pickle.dumps(tree, protocol)), name="test")
    assert set(arrays) == {"Model/Conv_0/kernel", "Model/Conv_0/bias"}
    assert np.array_equal(arrays["Model/Conv_0/kernel"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    "payload",
    [
        dumps({"a": Evil(os.system, ("touch evil",))}),
        dumps(Evil(eval, ("1",))),
        dumps(Evil(np.load, ("x.npy",))),
        dumps({"a": np.array([Evil(os.getcwd, ())], dtype=object)}),
        dumps({"a": np.array(["text"])}),
        dumps({"a": [1.0]}),
        dumps({"a": np.zeros(3)})[:-9],
        b"",
        b"text",
    ],
)
def test_pickle_of_anything_else(payload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="refused"):
        load_arrays(io.BytesIO(payload), name="test")
    assert not list(tmp_path.iterdir())
