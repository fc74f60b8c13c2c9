#!/usr/bin/env python3
"""Fine-tunes EfficientNet-Lite0 on a folder with train/ and test/, by scarlet and by timm, and prints
both accuracies on test/ and both times.

    python3 benches/peers/finetune.py DATA WEIGHTS.pth --resolution 64 --epochs 6 --seeds 0 1 2

Both begin with the same public ImageNet weights (WEIGHTS is the file that scarlet downloads), see as
many images, and as often unless --scarlet-epochs says otherwise. scarlet runs with its defaults; timm with
AdamW at a learning rate of 0.001, one epoch of warm-up and a cosine, label smoothing of 0.1, batches of 16,
and crops of 35 % and more. Times are wall times, and seconds of processor time, which other work on the
machine changes less.

Needs: pip install torch torchvision timm, and scarlet built (cargo build --release).
"""

import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import tempfile
import time

SCARLET = pathlib.Path(__file__).parents[2] / "target/release/scarlet"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--scarlet-epochs", type=int, help="other than timm's, for equal times")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scarlet", type=pathlib.Path, default=SCARLET)
    parser.add_argument("--only", choices=["scarlet", "timm"])
    return parser.parse_args()


def by_scarlet(args, seed):
    with tempfile.TemporaryDirectory() as folder:
        scarlet, epochs = args.scarlet.resolve(), args.scarlet_epochs or args.epochs
        command = [scarlet, "finetune", "--data", args.data, "--weights", args.weights]
        command += ["--resolution", args.resolution, "--epochs", epochs, "--seed", seed]
        command += ["--out", f"{folder}/run", "--json", "--quiet"]
        threads = {"RAYON_NUM_THREADS": str(args.threads)}
        ran = subprocess.run(
            [str(part) for part in command],
            env=os.environ | threads,
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(ran.stdout)["test_accuracy"]


def images(folder, classes):
    from PIL import Image

    found = []
    for label, name in enumerate(classes):
        for path in sorted((folder / name).iterdir()):
            with Image.open(path) as image:
                found.append((image.convert("RGB"), label))
    return found


def pretrained(weights, classes):
    """timm's network with weights of the original port: both name layers from the stem on."""
    import timm
    import torch

    network = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    counted = "num_batches_tracked"
    named = {name: it for name, it in network.state_dict().items() if not name.endswith(counted)}
    stored = torch.load(weights, weights_only=True).items()
    stored = [tensor for name, tensor in stored if not name.endswith(counted)]
    assert [it.shape for it in named.values()] == [it.shape for it in stored], "another network"
    network.load_state_dict(dict(zip(named, stored)), strict=False)
    network.reset_classifier(classes)
    return network.to(memory_format=torch.channels_last)


def by_timm(args, seed):
    import torch
    from torch import nn
    from torchvision import transforms as tf

    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(args.threads)
    classes = sorted(path.name for path in (args.data / "train").iterdir())
    train, test = (images(args.data / part, classes) for part in ("train", "test"))
    random.shuffle(train)
    train = train[len(train) // 10 :]

    side, cubic = args.resolution, tf.InterpolationMode.BICUBIC
    normal = [tf.ToTensor(), tf.Normalize([127 / 255] * 3, [128 / 255] * 3)]
    changed = tf.Compose(
        [
            tf.RandomResizedCrop(side, scale=(0.35, 1.0), interpolation=cubic),
            tf.RandomHorizontalFlip(),
            tf.ColorJitter(0.2, 0.2, 0.2),
            *normal,
        ]
    )
    plain = tf.Compose(
        [tf.Resize(round(side / 0.875), interpolation=cubic), tf.CenterCrop(side), *normal]
    )

    def batch(some, change):
        pixels = torch.stack([change(image) for image, _ in some])
        labels = torch.tensor([label for _, label in some])
        return pixels.to(memory_format=torch.channels_last), labels

    network = pretrained(args.weights, len(classes))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    steps = len(train) // 16
    warm, rest = steps, max(steps * (args.epochs - 1), 1)
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warm, total_iters=warm),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, rest),
        ],
        [warm],
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    network.train()
    for _ in range(args.epochs):
        random.shuffle(train)
        for step in range(steps):
            pixels, labels = batch(train[16 * step : 16 * (step + 1)], changed)
            optimizer.zero_grad()
            criterion(network(pixels), labels).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    right = 0
    with torch.no_grad():
        for begin in range(0, len(test), 50):
            pixels, labels = batch(test[begin : begin + 50], plain)
            right += (network(pixels).argmax(1) == labels).sum().item()
    return right / len(test)


def processor_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(it.ru_utime + it.ru_stime for it in used)


def main():
    args = arguments()
    contenders = {"scarlet": by_scarlet, "timm": by_timm}
    print("| seed | by | test accuracy | wall time | processor time |\n|---|---|---|---|---|")
    for seed in args.seeds:
        for name, train in contenders.items():
            if args.only in (None, name):
                wall, used = time.time(), processor_seconds()
                accuracy = train(args, seed)
                wall, used = time.time() - wall, processor_seconds() - used
                row = f"{accuracy:.2%} | {wall:.0f} s | {used:.0f} s"
                print(f"| {seed} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
