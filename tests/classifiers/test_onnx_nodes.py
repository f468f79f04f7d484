"""Means of maps as nodes of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import onnx

from mien.classifiers.graph import Reading, grid_means
from mien.classifiers.onnx_graph import OnnxGraph

helper = onnx.helper


@pytest.mark.parametrize("sides", [(9, 9), (8, 8), (4, 4), (7, 10), (2, 2), (60, 30)])
def test_means_are_those_of_equal_parts(sides: tuple[int, int], tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, ("n", 5, *sides))
    doubled = helper.make_tensor_value_info("doubled", onnx.TensorProto.FLOAT, ("n", 5, *sides))
    graph = helper.make_graph([helper.make_node("Add", ["maps", "maps"], ["doubled"])], "double", [value], [doubled])
    path = tmp_path / "double.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    maps = np.random.default_rng(0).normal(size=(6, 5, *sides)).astype(np.float32)
    whole, one, nine = OnnxGraph(path).read(maps, [Reading("doubled", grid, sides) for grid in (0, 1, 3)])
    assert np.array_equal(whole, 2 * maps)
    assert np.allclose(one, grid_means(2 * maps, 1), atol=1e-6)
    assert np.allclose(nine, grid_means(2 * maps, 3), atol=1e-6)
