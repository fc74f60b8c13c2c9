#!/usr/bin/env bash
# OpenVINO 2026.4.1 and ONNX Runtime 1.32.0 (onnx 1.23.2) on x86-64.
#
# Guess:     a runtime that reads ONNX's Resize of opset 18 and later either computes what its attributes
#            ask for, or refuses the file. All that differs between two runtimes is rounding.
# Behaviour: OpenVINO reads `antialias` and `keep_aspect_ratio_policy`, and computes as if they were not
#            there: exactly the picture without antialiasing, and a picture of another shape. Nothing is
#            said. So preprocessing that was exported with the network (shrinking with antialiasing, as
#            photographs are shrunk) feeds it other pixels there.
# Seen:      antialias, linear                176 of 255, 0 from the plain resize
#            antialias, cubic                 240 of 255, 0 from the plain resize
#            keep_aspect_ratio_policy     (1, 1, 30, 40) in ONNX Runtime, (1, 1, 40, 40) in OpenVINO
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

SIZES = np.array([1, 1, 40, 40])
# Noise of black and white, of which little is left where it is averaged.
IMAGE = 255 * np.random.default_rng(0).integers(0, 2, (1, 1, 120, 160)).astype(np.float32)


def model(**attributes):
    axes = attributes.get("axes", [0, 1, 2, 3])
    resize = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
    sizes = numpy_helper.from_array(SIZES[axes], "sizes")
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE.shape)]
    output = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([resize], "resize", values, output, [sizes])
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def both(**attributes):
    file = model(**attributes)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(file), "CPU", exact)
    return session.run(None, {"x": IMAGE})[0], compiled(IMAGE)[0]


differs = False
for mode in ["linear", "cubic"]:
    plain, same = both(mode=mode)
    # Without the attribute they agree.
    assert np.abs(plain - same).max() < 0.01, mode
    expected, found = both(mode=mode, antialias=1)
    error, beside = np.abs(found - expected).max(), np.abs(found - same).max()
    print(f"antialias, {mode:6} {error:18.0f} of 255, {beside:.0f} from the plain resize")
    differs |= not (error > 50 and beside == 0)
expected, found = both(mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_larger")
print(f"keep_aspect_ratio_policy     {expected.shape} in ONNX Runtime, {found.shape} in OpenVINO")
differs |= (expected.shape, found.shape) != ((1, 1, 30, 40), (1, 1, 40, 40))
sys.exit("the behaviour is another" if differs else 0)
PYTHON
