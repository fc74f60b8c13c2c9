"""SCARLET's networks and EfficientNet-Lite0 in PyTorch, as a reference to compare with.

Written from the published tables and the entries of the released checkpoints, whose names the
modules below have, so that a state dict loads with `strict=True`.
"""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

# Expansion, kernel, squeeze-excite (s) of every layer; - is an identity.
TABLES = {
    "scarlet-a": "E3K7 E6K5 E3K5 E3K7s E6K3s E3K5s E6K3s E3K3 E3K7s E3K7 "
    "E3K5 E3K7s E3K3 E3K7s E6K3s E6K5s E3K3s E6K3s E6K7s",
    "scarlet-b": "E3K3s E3K5s E3K3s E6K7s E3K3 E3K5 E6K7s E3K3s - E3K5 "
    "E3K3s E3K3s E6K7s E3K3s E6K5s E6K5s - E6K7s E6K5s",
    "scarlet-c": "E3K5s E3K3s E3K5s - - E3K3 E6K7s E3K3s E3K3s E3K5 "
    "E3K7s E3K7 E3K3s E3K7s E3K3s - E6K3s E6K7s E6K5s",
}


@dataclass(frozen=True)
class Layer:
    """An inverted residual, or an identity where `kernel` is 0."""

    channels: int
    stride: int = 1
    kernel: int = 0
    expansion: int = 0
    squeeze_excite: bool = False


@dataclass(frozen=True)
class Architecture:
    layers: list[Layer] = field(default_factory=list)
    classes: int = 1000
    activation: str = "h-swish"
    # TensorFlow's "same" padding instead of kernel / 2 on every side.
    same_padding: bool = False
    epsilon: float = 1e-5


def architecture(name: str) -> Architecture:
    """The network of that name: scarlet-a, scarlet-b, scarlet-c or efficientnet-lite0."""
    if name == "efficientnet-lite0":
        return _efficientnet_lite0()
    if name not in TABLES:
        known = ", ".join([*TABLES, "efficientnet-lite0"])
        raise SystemExit(f"no network is named {name!r}; known: {known}")
    # Channels and number of layers of every stage; the first layer of some of them downsamples.
    stages = [(32, 2, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1)]
    places = [
        (channels, stride if index == 0 else 1)
        for channels, count, stride in stages
        for index in range(count)
    ]
    tokens = TABLES[name].split()
    return Architecture([_layer(t, c, s) for t, (c, s) in zip(tokens, places, strict=True)])


def _layer(token: str, channels: int, stride: int) -> Layer:
    if token == "-":
        return Layer(channels)
    return Layer(channels, stride, int(token[3]), int(token[1]), token.endswith("s"))


def _efficientnet_lite0() -> Architecture:
    stages = [
        (24, 2, 2, 3),
        (40, 2, 2, 5),
        (80, 3, 2, 3),
        (112, 3, 1, 5),
        (192, 4, 2, 5),
        (320, 1, 1, 3),
    ]
    layers = [
        Layer(channels, stride if index == 0 else 1, kernel, 6)
        for channels, count, stride, kernel in stages
        for index in range(count)
    ]
    return Architecture(layers, activation="relu6", same_padding=True, epsilon=1e-3)


def h_sigmoid(x):
    return F.relu6(x + 3) / 6


class Conv(nn.Conv2d):
    """A convolution without bias that keeps the size, but for its stride."""

    def __init__(self, arch, channels_in, channels_out, kernel=1, stride=1, groups=1):
        self.same = arch.same_padding and kernel > 1
        padding = 0 if self.same else kernel // 2
        super().__init__(
            channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False
        )

    def forward(self, x):
        if self.same:
            kernel, stride = self.kernel_size[0], self.stride[0]
            needed = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:]]
            height, width = needed
            # The odd pixel goes to the bottom and to the right.
            x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze_conv = nn.Conv2d(channels, channels // 4, 1)
        self.excite_conv = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        gate = F.relu(self.squeeze_conv(x.mean((2, 3), keepdim=True)))
        return x * h_sigmoid(self.excite_conv(gate))


class InvertedResidual(nn.Module):
    def __init__(self, arch, channels_in, layer):
        super().__init__()
        hidden = channels_in * layer.expansion
        self.conv1 = Conv(arch, channels_in, hidden)
        self.bn1 = nn.BatchNorm2d(hidden, arch.epsilon)
        self.conv2 = Conv(arch, hidden, hidden, layer.kernel, layer.stride, hidden)
        self.bn2 = nn.BatchNorm2d(hidden, arch.epsilon)
        if layer.squeeze_excite:
            self.mid_se = SqueezeExcite(hidden)
        self.conv3 = Conv(arch, hidden, layer.channels)
        self.bn3 = nn.BatchNorm2d(layer.channels, arch.epsilon)
        self.shortcut = layer.stride == 1 and channels_in == layer.channels
        self.activation = F.relu6 if arch.activation == "relu6" else F.hardswish

    def forward(self, x):
        y = self.activation(self.bn1(self.conv1(x)))
        y = self.activation(self.bn2(self.conv2(y)))
        if hasattr(self, "mid_se"):
            y = self.mid_se(y)
        y = self.bn3(self.conv3(y))
        return x + y if self.shortcut else y


class Network(nn.Module):
    def __init__(self, arch: Architecture):
        super().__init__()
        eps = arch.epsilon
        self.stem = nn.Sequential(
            Conv(arch, 3, 32, 3, 2), nn.BatchNorm2d(32, eps), nn.ReLU6()
        )
        self.separable_conv = nn.Sequential(
            Conv(arch, 32, 32, 3, 1, 32),
            nn.BatchNorm2d(32, eps),
            nn.ReLU6(),
            Conv(arch, 32, 16),
            nn.BatchNorm2d(16, eps),
        )
        channels = 16
        self.mb_module = nn.ModuleList()
        for layer in arch.layers:
            if layer.kernel == 0:
                self.mb_module.append(nn.Identity())
                continue
            self.mb_module.append(InvertedResidual(arch, channels, layer))
            channels = layer.channels
        self.conv_before_pooling = nn.Sequential(
            Conv(arch, channels, 1280), nn.BatchNorm2d(1280, eps), nn.ReLU6()
        )
        self.classifier = nn.Linear(1280, arch.classes)

    def parts(self):
        """The parts in the order of computation, by name, up to the pooling."""
        yield "stem", self.stem
        yield "separable_conv", self.separable_conv
        for index, layer in enumerate(self.mb_module):
            yield f"mb_module.{index}", layer
        yield "conv_before_pooling", self.conv_before_pooling

    def forward(self, x):
        for _, part in self.parts():
            x = part(x)
        return self.classifier(x.mean((2, 3)))


def load_weights(network: nn.Module, path: str) -> None:
    """Loads a checkpoint or safetensors file whose names are those of the network."""
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for key in ("model_state", "state_dict", "model"):
            state = state.get(key, state)
        state = {name.removeprefix("module."): value for name, value in state.items()}
    dtype = next(network.parameters()).dtype
    state = {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in state.items()
    }
    # Files without step counters load too.
    counters = {
        name: value
        for name, value in network.state_dict().items()
        if name.endswith("num_batches_tracked")
    }
    network.load_state_dict({**counters, **state}, strict=True)
