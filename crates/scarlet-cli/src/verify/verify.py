# Runs a network's file in its own runtime: scarlet starts it, no one else needs to.
#
#     python verify.py RUNTIME MODEL IMAGES CHANNELS HEIGHT WIDTH THREADS ANSWERS
#
# IMAGES are floats, channels first. The logits of all images are written to ANSWERS as floats, and
# what they were made with is printed as one JSON object. Where the runtime is not installed the exit
# code is 3. With RUNTIME alone only that is found out.
import importlib
import json
import platform
import statistics
import sys
import time

MISSING = 3
WARM_UP = 3


def onnxruntime_session(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given, made = session.get_inputs()[0], session.get_outputs()[0]
    batch = given.shape[0] if isinstance(given.shape[0], int) else 1

    def run(images):
        return session.run([made.name], {given.name: images})[0]

    return onnxruntime.__version__, batch, run, lambda images: images


def litert_session(model, threads):
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    batch = max(int(given["shape"][0]), 1)

    def run(images):
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    version = getattr(ai_edge_litert, "__version__", "")
    return version, batch, run, lambda images: images.transpose(0, 2, 3, 1)


def openvino_session(model, threads):
    import openvino

    core = openvino.Core()
    # Processors that have it would compute in bfloat16 unless told otherwise.
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    size = compiled.input(0).get_partial_shape()[0]
    batch = size.get_length() if size.is_static else 1
    request = compiled.create_infer_request()

    def run(images):
        return request.infer({0: images})[compiled.output(0)]

    # Its version as it is installed, without the number of the build.
    last = model.endswith(".tflite")
    return "", batch, run, lambda images: images.transpose(0, 2, 3, 1) if last else images


def check(runtime):
    modules = {"ai-edge-litert": "ai_edge_litert.interpreter"}
    try:
        importlib.import_module(modules.get(runtime, runtime))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)


def main():
    if len(sys.argv) == 2:
        return check(sys.argv[1])
    runtime, model, images, channels, height, width, threads, answers = sys.argv[1:]
    shape = (-1, int(channels), int(height), int(width))
    try:
        import numpy as np

        sessions = {
            "onnxruntime": onnxruntime_session,
            "ai-edge-litert": litert_session,
            "openvino": openvino_session,
        }
        version, batch, run, arranged = sessions[runtime](model, int(threads))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    if not version:
        from importlib.metadata import version as version_of

        version = version_of(runtime)
    images = np.memmap(images, dtype="<f4", mode="r").reshape(shape)

    def batch_at(start):
        # The last one is filled up with its last image.
        last = len(images) - 1
        chosen = images[[min(start + index, last) for index in range(batch)]]
        return np.ascontiguousarray(arranged(chosen))

    for _ in range(WARM_UP):
        run(batch_at(0))
    logits, times = [], []
    for start in range(0, len(images), batch):
        given = batch_at(start)
        began = time.perf_counter()
        logits.append(np.array(run(given), dtype="<f4"))
        times.append(time.perf_counter() - began)
    logits = np.concatenate(logits)[: len(images)]
    logits.tofile(answers)
    print(
        json.dumps(
            {
                "version": version,
                "python": platform.python_version(),
                "batch": batch,
                "milliseconds": 1000 * statistics.median(times),
            }
        )
    )


main()
