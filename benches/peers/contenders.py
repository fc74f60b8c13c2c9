"""The engines that `engines.py` compares: what each needs, how files are made for it, and how it runs.

    contenders.py prepare ENGINE FILES NETWORK:BATCH …
    contenders.py run ENGINE THREADS FILES NETWORK:BATCH …

A call takes images in f32, in the layout that the engine prefers, and gives logits, both in memory of the
caller. The first logits go to FILES/NETWORK-BATCH.ENGINE.logits.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from networks import NETWORKS
from turns import serve

# For everything that is built on oneDNN.
ONEDNN = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


@dataclass(frozen=True)
class Engine:
    title: str
    # Whether it computes in f32, and so must give PyTorch's logits.
    floats: bool = True
    # What `pip install` must have brought.
    packages: tuple = ()
    # Of this project's: what `scarlet deploy` is told besides the network. None: it is another's.
    deploy: list | None = None
    # What keeps it to AVX2. None: nothing does.
    avx2: dict | None = None


CALIBRATION = "{files}/{name}-calibration"
ENGINES = {
    # Another form of our own is a line here, if `scarlet deploy` makes it.
    "scarlet": Engine("scarlet", deploy=[], avx2={}),
    "onnxruntime": Engine("ONNX Runtime", packages=("onnxruntime",)),
    # Its convolutions are then AVX2's; means over maps, and the last layer's product, remain as they were.
    "openvino": Engine("OpenVINO", packages=("openvino",), avx2=ONEDNN),
    "litert": Engine("LiteRT", packages=("ai-edge-litert",)),
    # As installed by pip, there is nothing in it beyond AVX2.
    "mnn": Engine("MNN", packages=("mnn",), avx2={}),
    "ncnn": Engine("ncnn", packages=("ncnn", "pnnx")),
    "rten": Engine("RTen"),
    "torch": Engine("PyTorch, channels last", packages=("torch",),
                    avx2=ONEDNN | {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}),
    "torch-compile": Engine("torch.compile, frozen", packages=("torch",),
                            avx2=ONEDNN | {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                                           "TORCHINDUCTOR_CPP_MARCH": "haswell"}),
    "scarlet-int8": Engine("scarlet, int8", floats=False, deploy=["--int8", CALIBRATION], avx2={}),
    "scarlet-bf16": Engine("scarlet, bf16", floats=False, deploy=["--bf16"], avx2={}),
    "onnxruntime-int8": Engine("ONNX Runtime, int8", floats=False, packages=("onnxruntime", "onnx")),
    "openvino-int8": Engine("OpenVINO, int8", floats=False, packages=("openvino", "nncf"), avx2=ONEDNN),
    "litert-int8": Engine("LiteRT, int8", floats=False, packages=("ai-edge-litert",)),
    "openvino-bf16": Engine("OpenVINO, bf16", floats=False, packages=("openvino",), avx2=ONEDNN),
}


class Files:
    """Where everything is that was made for the engines."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def of(self, name, ending):
        return str(self.folder / f"{name}{ending}")

    def images(self, name, kind):
        """Those of a batch, or of `calibration`."""
        spec = NETWORKS[name]
        values = np.fromfile(self.of(name, f"-{kind}.f32"), np.float32)
        return values.reshape(-1, spec["channels"], spec["size"], spec["size"])

    def calibration(self, name, batch):
        images = self.images(name, "calibration")
        return [images[start:start + batch] for start in range(0, len(images), batch)]


def _int8(engine):
    return "-int8" if engine.endswith("-int8") else ""


def prepare_onnxruntime_int8(files, name, batch):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        rest = iter(files.calibration(name, batch))

        def get_next(self):
            images = next(self.rest, None)
            return None if images is None else {"images": images}

    prepared = files.of(name, f"-{batch}-prepared.onnx")
    quant_pre_process(files.of(name, f"-{batch}.onnx"), prepared)
    # The fastest of its forms on x86-64.
    quantize_static(prepared, files.of(name, f"-{batch}-int8.onnx"), Reader(), per_channel=True,
                    quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)


def prepare_openvino_int8(files, name, batch):
    import nncf
    import openvino

    images = files.calibration(name, batch)
    model = openvino.Core().read_model(files.of(name, f"-{batch}.onnx"))
    quantised = nncf.quantize(model, nncf.Dataset(images), subset_size=len(images))
    openvino.save_model(quantised, files.of(name, f"-{batch}-int8.xml"))


def prepare_ncnn(files, name, batch):
    # One network for all batches, since it knows none.
    spec = NETWORKS[name]
    base = files.of(name, "-ncnn")
    if Path(f"{base}.param").exists():
        return
    outputs = {"pnnxparam": "pnnx.param", "pnnxbin": "pnnx.bin", "pnnxpy": "pnnx.py", "pnnxonnx": "pnnx.onnx",
               "ncnnparam": "param", "ncnnbin": "bin", "ncnnpy": "ncnn.py"}
    program = Path(sys.executable).parent / "pnnx"
    subprocess.run([program, files.of(name, "-1.onnx"), f"inputshape=[1,{spec['channels']},{spec['size']},{spec['size']}]",
                    "fp16=0", *(f"{key}={base}.{ending}" for key, ending in outputs.items())],
                   check=True, stdout=subprocess.DEVNULL)


def prepare_mnn(files, name, batch):
    # The program `mnnconvert` would install a package for reports of its use.
    import _tools

    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", files.of(name, f"-{batch}.onnx"), "--MNNModel",
                       files.of(name, f"-{batch}.mnn"), "--bizCode", "MNN"])


PREPARATIONS = {"onnxruntime-int8": prepare_onnxruntime_int8, "openvino-int8": prepare_openvino_int8,
                "ncnn": prepare_ncnn, "mnn": prepare_mnn}


def onnxruntime(engine, threads, files, name, batch):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(files.of(name, f"-{batch}{_int8(engine)}.onnx"), options,
                                           ["CPUExecutionProvider"])
    feed = {"images": files.images(name, batch)}
    return lambda: session.run(None, feed)[0]


def openvino(engine, threads, files, name, batch):
    import openvino

    precision = "bf16" if engine.endswith("-bf16") else "f32"
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": precision}
    file = files.of(name, f"-{batch}-int8.xml" if _int8(engine) else f"-{batch}.onnx")
    model = openvino.Core().compile_model(file, "CPU", settings)
    request = model.create_infer_request()
    images = files.images(name, batch)
    # Without a copy of the images; they must live as long.
    request.set_input_tensor(openvino.Tensor(images, shared_memory=True))
    output = request.get_output_tensor()

    def run(images=images):
        request.infer()
        return output.data

    # What convolves and how, such as brgconv_avx512_1x1_f32; and what computes with other instructions.
    convolving, others = set(), set()
    for node in model.get_runtime_model().get_ordered_ops():
        kind, layer = (node.get_rt_info()[key].astype(str) for key in ("primitiveType", "layerType"))
        if found := re.search(r"_((?:avx|amx|sse)[^_]*)_(?:.*_)?([^_]+)$", kind):
            (convolving if layer == "Convolution" else others).add((layer, *found.groups()))
    instructions = {it[1] for it in convolving}
    notes = {f"{instructions} {precision}" for _, instructions, precision in convolving}
    return run, notes | {f"{it[1]} in {it[0]}" for it in others if it[1] not in instructions}


def litert(engine, threads, files, name, batch):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(files.of(name, f"-{batch}{_int8(engine)}.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    images = files.images(name, batch)
    if list(source["shape"]) != list(images.shape):
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))

    def run():
        interpreter.set_tensor(source["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(sink["index"])

    pieces = [it for it in interpreter._get_ops_details() if it["op_name"] == "DELEGATE"]
    whole = len(pieces) == 1 and source["index"] in pieces[0]["inputs"] and sink["index"] in pieces[0]["outputs"]
    return run, {"XNNPACK" if whole else "XNNPACK, not all of it"}


def mnn(engine, threads, files, name, batch):
    import MNN

    interpreter = MNN.Interpreter(files.of(name, f"-{batch}.mnn"))
    session = interpreter.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})
    source, sink = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
    images, shape = files.images(name, batch), sink.getShape()
    logits = np.zeros(shape, np.float32)
    host = MNN.Tensor(images.shape, MNN.Halide_Type_Float, images, MNN.Tensor_DimensionType_Caffe)
    result = MNN.Tensor(shape, MNN.Halide_Type_Float, logits, MNN.Tensor_DimensionType_Caffe)

    # The tensors point to the arrays, which must live as long.
    def run(images=images, logits=logits):
        source.copyFrom(host)
        interpreter.runSession(session)
        sink.copyToHostTensor(result)
        return result

    run.logits = lambda: np.array(result.getNumpyData()).reshape(shape)
    return run


def ncnn(engine, threads, files, name, batch):
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage",
                   "use_bf16_packed"):
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)
    net.load_param(files.of(name, "-ncnn.param"))
    net.load_model(files.of(name, "-ncnn.bin"))
    # A matrix of an array only points to it.
    images = [ncnn.Mat(np.ascontiguousarray(image)).clone() for image in files.images(name, batch)]

    def run():
        logits = []
        for image in images:
            extractor = net.create_extractor()
            extractor.input("in0", image)
            logits.append(np.array(extractor.extract("out0")[1]).reshape(-1))
        return np.stack(logits)

    return run


def torch(engine, threads, files, name, batch):
    import torch
    from safetensors.torch import load_file

    from networks import network

    torch.set_num_threads(threads)
    net = network(name)
    net.load_state_dict(load_file(files.of(name, ".safetensors")))
    net = net.eval().to(memory_format=torch.channels_last)
    images = torch.from_numpy(files.images(name, batch)).to(memory_format=torch.channels_last)
    if engine == "torch-compile":
        import torch._inductor.config

        torch._inductor.config.freezing = True
        net = torch.compile(net, dynamic=False)

    # Compiled networks are frozen without gradients alone.
    without = torch.no_grad if engine == "torch-compile" else torch.inference_mode

    def run():
        with without():
            return net(images).numpy()

    return run, {torch.backends.cpu.get_cpu_capability()}


RUNS = {"onnxruntime": onnxruntime, "openvino": openvino, "litert": litert, "mnn": mnn, "ncnn": ncnn, "torch": torch}


def main():
    task, engine, *rest = sys.argv[1:]
    threads = int(rest.pop(0)) if task == "run" else 0
    files, runs, notes = Files(rest.pop(0)), {}, set()
    for setting in rest:
        name, batch = setting.split(":")
        if task == "prepare":
            PREPARATIONS[engine](files, name, int(batch))
            continue
        run = RUNS[engine.split("-")[0]](engine, threads, files, name, int(batch))
        # Some say how they compute.
        run, kinds = run if isinstance(run, tuple) else (run, ())
        notes |= set(kinds)
        logits = run()
        logits = run.logits() if hasattr(run, "logits") else logits
        np.asarray(logits, np.float32).tofile(files.of(name, f"-{batch}.{engine}.logits"))
        runs[setting] = run
    if task == "run":
        serve(runs, ", ".join(sorted(notes)))


if __name__ == "__main__":
    main()
