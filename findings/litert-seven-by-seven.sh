#!/usr/bin/env bash
# LiteRT (ai-edge-litert 2.3.0) on x86-64.
#
# Guess:     a depthwise convolution with a kernel of 7x7 takes about twice as long as one of 5x5, as it
#            multiplies 49 times for an output and not 25 times.
# Behaviour: several times that in floats, and more in bytes, although the delegate for the CPU
#            (XNNPACK) takes all of them: it has kernels of its own for up to 25 products.
# Seen:      56x56 pixels of 144 channels, one thread, shortest of 20 runs (AMD EPYC, AVX2)
#            floats   3x3 0.29 ms, 5x5 0.82 ms, 7x7 12.7 ms
#            bytes    3x3 0.31 ms, 5x5 0.76 ms, 7x7 57.1 ms
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

SIDE, CHANNELS = 56, 144
FLOAT, BYTE = schema.TensorType.FLOAT32, schema.TensorType.INT8


def tensor(name, kind, shape, step=None, buffer=0, dimension=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, kind, buffer
    if step is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = step, [0] * len(step)
        made.quantization.quantizedDimension = dimension
    return made


def file(side, in_bytes):
    values = np.random.default_rng(0).integers(-127, 128, (1, side, side, CHANNELS))
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideW = options.strideH = options.depthMultiplier = 1
    options.dilationWFactor = options.dilationHFactor = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.DepthwiseConv2DOptions
    operator.builtinOptions = options
    map_shape, kernel_shape = [1, SIDE, SIDE, CHANNELS], [1, side, side, CHANNELS]
    per_channel = [0.01] * CHANNELS
    graph = schema.SubGraphT()
    if in_bytes:
        data = [values.astype(np.int8), np.zeros(CHANNELS, np.int32)]
        graph.tensors = [
            tensor("x", BYTE, map_shape, [0.02]),
            tensor("kernel", BYTE, kernel_shape, per_channel, 1, 3),
            tensor("bias", schema.TensorType.INT32, [CHANNELS], [0.0002] * CHANNELS, 2),
            tensor("y", BYTE, map_shape, [0.1]),
        ]
    else:
        data = [values.astype(np.float32) / 100, np.zeros(CHANNELS, np.float32)]
        graph.tensors = [
            tensor("x", FLOAT, map_shape),
            tensor("kernel", FLOAT, kernel_shape, buffer=1),
            tensor("bias", FLOAT, [CHANNELS], buffer=2),
            tensor("y", FLOAT, map_shape),
        ]
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [3]
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    for values in data:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    code.version = 3 if in_bytes else 1
    model.operatorCodes = [code]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def shortest(content):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        interpreter.invoke()
        best = min(best, time.perf_counter() - began)
    return 1000 * best


print("guess: 7x7 takes about twice as long as 5x5")
for kind, in_bytes in [("floats", False), ("bytes", True)]:
    times = [shortest(file(side, in_bytes)) for side in (3, 5, 7)]
    print(f"seen:  {kind:6} 3x3 {times[0]:.2f} ms, 5x5 {times[1]:.2f} ms, 7x7 {times[2]:.2f} ms")
    if times[2] < 4 * times[1]:
        sys.exit("7x7 is not slow any more")
PYTHON
