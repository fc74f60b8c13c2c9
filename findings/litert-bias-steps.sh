#!/usr/bin/env bash
# LiteRT (ai-edge-litert 2.3.0) on x86-64.
#
# Guess:     what the biases of a convolution in bytes stand for need not be in the file, as it is the
#            step of the input times those of the weights, by which every kernel computes; nor need 256
#            zero points that are all 0, for which one would do.
# Behaviour: without the steps of the biases the delegate for the CPU (XNNPACK) leaves the convolution to
#            the plain kernels, silently; with one zero point for many steps the file is not opened. So
#            both lists are in every file, 12 bytes for each channel.
# Seen:      1x1 convolution of 64 to 256 channels
#            all lists                 1 delegate
#            no steps of the biases    0 delegates
#            one zero point            QuantizationParam has 1 zero_point values and 256 scale values
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

SIDE, INPUT, OUTPUT = 14, 64, 256
BYTE, INTEGER = schema.TensorType.INT8, schema.TensorType.INT32


def tensor(name, kind, shape, steps=None, zeros=None, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, kind, buffer
    if steps is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = steps
        made.quantization.zeroPoint = [0] * len(steps) if zeros is None else zeros
    return made


def file(bias_steps=True, zeros=None):
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    operator.builtinOptions = options
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", BYTE, [1, SIDE, SIDE, INPUT], [0.02]),
        tensor("kernel", BYTE, [OUTPUT, 1, 1, INPUT], [0.01] * OUTPUT, zeros, 1),
        tensor("bias", INTEGER, [OUTPUT], [0.0002] * OUTPUT if bias_steps else None, buffer=2),
        tensor("y", BYTE, [1, SIDE, SIDE, OUTPUT], [0.1]),
    ]
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [3]
    values = np.random.default_rng(0).integers(-127, 128, (OUTPUT, INPUT))
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    for values in [values.astype(np.int8), np.zeros(OUTPUT, np.int32)]:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 3
    model.operatorCodes = [code]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def delegates(content):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    names = [it["op_name"] for it in interpreter._get_ops_details()]
    return names.count("DELEGATE")


print("guess: the delegate takes the convolution with and without the steps of the biases")
found = [delegates(file()), delegates(file(bias_steps=False))]
print(f"seen:  {found[0]} delegate with them, {found[1]} without")
if found != [1, 0]:
    sys.exit("it does not depend on the steps of the biases any more")
try:
    delegates(file(zeros=[0]))
    sys.exit("one zero point is enough now")
except (RuntimeError, ValueError) as error:
    print(f"seen:  {str(error)[:67]}")
PYTHON
