"""Checks with ONNX's checker and ONNX Runtime that a file computes the logits of a case.

A case holds `input` and `logits`: one of make_case.py, or any other safetensors file of the kind.
A file with a fixed batch is run on as many images at a time.

    python check_onnx.py --model scarlet-c.onnx --case case.safetensors
"""

import argparse
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file


def main():
    parser = argparse.ArgumentParser(
        description="Check with ONNX Runtime that an ONNX file computes the logits of a case."
    )
    parser.add_argument("--model", required=True, help="the ONNX file")
    parser.add_argument("--case", required=True, help="safetensors with `input` and `logits`")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    onnx.checker.check_model(args.model, full_check=True)
    session = onnxruntime.InferenceSession(args.model, providers=["CPUExecutionProvider"])
    case = load_file(args.case)
    images, expected = case["input"], case["logits"]
    batch = session.get_inputs()[0].shape[0]
    step = batch if isinstance(batch, int) else len(images)
    if len(images) % step:
        sys.exit(f"the file takes {step} images at a time, but the case has {len(images)}")
    found = np.concatenate(
        [
            session.run(["logits"], {"images": images[start : start + step]})[0]
            for start in range(0, len(images), step)
        ]
    )
    error = np.abs(found - expected).max() / np.abs(expected).max()
    passed = found.shape == expected.shape and error <= args.tolerance
    print(f"the checker finds nothing wrong; {len(session.get_modelmeta().custom_metadata_map)} notes")
    print(f"largest relative error {error:.3e} of {expected.size} logits")
    print(f"{'passed' if passed else 'FAILED'} (tolerance {args.tolerance:g})")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
