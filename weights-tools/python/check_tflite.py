"""Checks with LiteRT that a TensorFlow Lite file computes the logits of a case.

A case holds `input`, channels first, and `logits`: one of make_case.py, or any other safetensors file
of the kind. A file for any number of images is run on all at once, one for a fixed number on as many
at a time.

    python check_tflite.py --model scarlet-c.tflite --case case.safetensors
"""

import argparse
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from safetensors.numpy import load_file


def main():
    parser = argparse.ArgumentParser(
        description="Check with LiteRT that a TensorFlow Lite file computes the logits of a case."
    )
    parser.add_argument("--model", required=True, help="the TensorFlow Lite file")
    parser.add_argument("--case", required=True, help="safetensors with `input` and `logits`")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    case = load_file(args.case)
    images, expected = case["input"].transpose(0, 2, 3, 1), case["logits"]
    interpreter = Interpreter(model_path=args.model, num_threads=2)
    [given] = interpreter.get_input_details()
    signature = given["shape_signature"]
    step = len(images) if signature[0] < 0 else signature[0]
    if len(images) % step:
        sys.exit(f"the file takes {step} images at a time, but the case has {len(images)}")
    if signature[0] < 0:
        interpreter.resize_tensor_input(given["index"], images.shape, strict=True)
    interpreter.allocate_tensors()
    [made] = interpreter.get_output_details()
    found = []
    for start in range(0, len(images), step):
        interpreter.set_tensor(given["index"], np.ascontiguousarray(images[start : start + step]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"]))
    found = np.concatenate(found)
    error = np.abs(found - expected).max() / np.abs(expected).max()
    passed = found.shape == expected.shape and error <= args.tolerance
    signatures = interpreter.get_signature_list()
    if signatures != {"serving_default": {"inputs": ["images"], "outputs": ["logits"]}}:
        sys.exit(f"the file has the signatures {signatures}")
    print(f"largest relative error {error:.3e} of {expected.size} logits")
    print(f"{'passed' if passed else 'FAILED'} (tolerance {args.tolerance:g})")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
