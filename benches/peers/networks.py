"""SCARLET's networks and others in PyTorch, with the names of SCARLET's published checkpoints; weights for
them, and images."""

from functools import cache
from pathlib import Path

PHOTOGRAPHS = Path(__file__).resolve().parent.parent.parent / "examples/photos"
PLAN = [(32, 2), (32, 1), (40, 2), (40, 1), (40, 1), (40, 1), (80, 2), (80, 1), (80, 1), (80, 1), (96, 1),
        (96, 1), (96, 1), (96, 1), (192, 2), (192, 1), (192, 1), (192, 1), (320, 1)]
LAYERS = {
    "scarlet-a": "E3K7 E6K5 E3K5 E3K7s E6K3s E3K5s E6K3s E3K3 E3K7s E3K7 E3K5 E3K7s E3K3 E3K7s "
    "E6K3s E6K5s E3K3s E6K3s E6K7s",
    "scarlet-b": "E3K3s E3K5s E3K3s E6K7s E3K3 E3K5 E6K7s E3K3s - E3K5 E3K3s E3K3s E6K7s E3K3s "
    "E6K5s E6K5s - E6K7s E6K5s",
    "scarlet-c": "E3K5s E3K3s E3K5s - - E3K3 E6K7s E3K3s E3K3s E3K5 E3K7s E3K7 E3K3s E3K7s E3K3s "
    "- E6K3s E6K7s E6K5s",
}
# Kernel, stride of the first, channels, how many of them.
LITE0 = [(3, 2, 24, 2), (5, 2, 40, 2), (3, 2, 80, 3), (5, 1, 112, 3), (5, 2, 192, 4), (3, 1, 320, 1)]


def _layer(text, channels, stride):
    """Expansion, kernel, whether it has squeeze-excite, channels and stride; nothing for a skip."""
    return None if text == "-" else (int(text[1]), int(text[3]), text.endswith("s"), channels, stride)


def _scarlet(name, layers):
    return {"title": name.upper(), "size": 224, "channels": 3, "classes": 1000, "stem": 32, "separable": 16,
            "head": 1280, "activation": "h-swish", "padding": "symmetric", "epsilon": 1e-5,
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
            "layers": [_layer(text, *place) for text, place in zip(layers.split(), PLAN)]}


NETWORKS = {name: _scarlet(name, layers) for name, layers in LAYERS.items()} | {
    # The first block has no expansion and is what SCARLET calls its separable convolution.
    "lite0": {"title": "EfficientNet-Lite0", "size": 224, "channels": 3, "classes": 1000, "stem": 32,
              "separable": 16, "head": 1280, "activation": "relu6", "padding": "same", "epsilon": 1e-3,
              "mean": [127 / 255] * 3, "std": [128 / 255] * 3,
              "layers": [(6, kernel, False, channels, stride if index == 0 else 1)
                         for kernel, stride, channels, count in LITE0 for index in range(count)]},
    # Such as `scarlet search` finds for small grey images.
    "small": {"title": "a small network", "size": 32, "channels": 1, "classes": 10, "stem": 16,
              "separable": 16, "head": 256, "activation": "h-swish", "padding": "symmetric", "epsilon": 1e-5,
              "mean": [0.5], "std": [0.5],
              "layers": [None, (3, 5, False, 16, 1), (3, 3, False, 32, 2), None, (3, 5, False, 32, 1),
                         (3, 3, False, 64, 1), (3, 5, False, 64, 1)]},
}


def blocks(name):
    """(channels in, hidden, channels out, kernel, squeeze-excite, stride) of each block."""
    channels = NETWORKS[name]["separable"]
    for layer in NETWORKS[name]["layers"]:
        if layer is not None:
            times, kernel, gate, out, stride = layer
            yield channels, channels * times, out, kernel, gate, stride
            channels = out


def architecture(name):
    """This project's description of the network, as its JSON."""
    spec = NETWORKS[name]
    layers, channels = [], spec["separable"]
    for layer in spec["layers"]:
        operation, stride = "-", 1
        if layer is not None:
            times, kernel, gate, channels, stride = layer
            operation = f"E{times}K{kernel}{'s' if gate else ''}"
        layers.append({"operation": operation, "channels": channels, "stride": stride})
    return {"name": name, "input_channels": spec["channels"], "stem": spec["stem"],
            "separable": spec["separable"], "layers": layers, "head": spec["head"], "classes": spec["classes"],
            "activation": spec["activation"], "padding": spec["padding"],
            "batch_norm": {"epsilon": spec["epsilon"], "momentum": 0.1},
            "preprocessing": {"resolution": spec["size"], "crop_ratio": 1.0, "filter": "bicubic",
                              "mean": (spec["mean"] * 3)[:3], "std": (spec["std"] * 3)[:3]}}


def network(name):
    """The network, with random weights."""
    import torch
    from torch import nn

    spec = NETWORKS[name]

    class Conv(nn.Conv2d):
        """Pads as TensorFlow does (more below and to the right) where the network is TensorFlow's."""

        def __init__(self, c_in, c_out, kernel, stride=1, groups=1):
            self.extra = kernel - stride if spec["padding"] == "same" and stride == 2 else 0
            padding = 0 if self.extra else kernel // 2
            super().__init__(c_in, c_out, kernel, stride, padding, groups=groups, bias=False)

        def forward(self, x):
            if self.extra:
                low, high = self.extra // 2, self.extra - self.extra // 2
                x = nn.functional.pad(x, (low, high, low, high))
            return super().forward(x)

    def activation():
        return nn.Hardswish() if spec["activation"] == "h-swish" else nn.ReLU6()

    def norm(channels):
        return nn.BatchNorm2d(channels, eps=spec["epsilon"])

    class SqueezeExcite(nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.squeeze_conv = nn.Conv2d(hidden, hidden // 4, 1)
            self.excite_conv = nn.Conv2d(hidden // 4, hidden, 1)

        def forward(self, x):
            squeezed = torch.relu(self.squeeze_conv(nn.functional.adaptive_avg_pool2d(x, 1)))
            return x * nn.functional.hardsigmoid(self.excite_conv(squeezed))

    class Block(nn.Module):
        def __init__(self, c_in, times, kernel, gate, c_out, stride):
            super().__init__()
            hidden = c_in * times
            self.shortcut = stride == 1 and c_in == c_out
            self.conv1, self.bn1, self.act1 = Conv(c_in, hidden, 1), norm(hidden), activation()
            self.conv2, self.bn2 = Conv(hidden, hidden, kernel, stride, hidden), norm(hidden)
            self.act2 = activation()
            self.mid_se = SqueezeExcite(hidden) if gate else nn.Identity()
            self.conv3, self.bn3 = Conv(hidden, c_out, 1), norm(c_out)

        def forward(self, x):
            y = self.act1(self.bn1(self.conv1(x)))
            y = self.mid_se(self.act2(self.bn2(self.conv2(y))))
            y = self.bn3(self.conv3(y))
            return x + y if self.shortcut else y

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            stem, channels = spec["stem"], spec["separable"]
            self.stem = nn.Sequential(Conv(spec["channels"], stem, 3, 2), norm(stem), nn.ReLU6())
            self.separable_conv = nn.Sequential(Conv(stem, stem, 3, 1, stem), norm(stem), nn.ReLU6(),
                                                Conv(stem, channels, 1), norm(channels))
            layers = []
            for layer in spec["layers"]:
                layers.append(nn.Identity() if layer is None else Block(channels, *layer))
                channels = channels if layer is None else layer[3]
            self.mb_module = nn.Sequential(*layers)
            head = spec["head"]
            self.conv_before_pooling = nn.Sequential(Conv(channels, head, 1), norm(head), nn.ReLU6())
            self.classifier = nn.Linear(head, spec["classes"])

        def forward(self, x):
            x = self.conv_before_pooling(self.mb_module(self.separable_conv(self.stem(x))))
            return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))

    torch.manual_seed(0)
    net = Network()
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.2)
    return net


def settled(name):
    """The network for running, its running statistics those of photographs, and its logits about one: with
    first weights as they are, all images would have nearly the same logits."""
    import torch
    from torch import nn

    net = network(name).train()
    photographs = torch.from_numpy(normalised(name, crops(name, 32, seed=1)))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net(photographs)
        net.eval()
        net.classifier.weight /= net(photographs).std()
    return net


@cache
def _photographs(mode):
    from PIL import Image

    return [Image.open(path).convert(mode) for path in sorted(PHOTOGRAPHS.iterdir())
            if path.suffix in (".png", ".jpg")]


def crops(name, count, seed):
    """Random crops of photographs, as bytes [count, channels, size, size]."""
    import numpy as np
    from PIL import Image

    size, random = NETWORKS[name]["size"], np.random.default_rng(seed)
    photographs = _photographs("L" if NETWORKS[name]["channels"] == 1 else "RGB")
    images = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        side = int(min(photograph.size) * random.uniform(0.4, 1.0))
        left, top = (int(random.integers(0, extent - side + 1)) for extent in photograph.size)
        image = photograph.resize((size, size), Image.BICUBIC, (left, top, left + side, top + side))
        images.append(np.asarray(image).reshape(size, size, -1).transpose(2, 0, 1))
    return np.stack(images)


def normalised(name, images):
    import numpy as np

    mean, std = (np.float32(NETWORKS[name][key]).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    return ((images.astype(np.float32) / 255 - mean) / std).astype(np.float32)
