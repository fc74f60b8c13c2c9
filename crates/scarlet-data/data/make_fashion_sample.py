"""Makes the embedded sample out of the whole of Fashion-MNIST.

    python3 make_fashion_sample.py [/usr/share/datasets/fashion-mnist]

The folder is where Debian's package dataset-fashion-mnist puts its files. Of each class the sample
has the first 600 training images and the first 100 test images, in the order of the files, so that
training and test images stay apart as their authors meant. The result does not depend on the time
or the machine.
"""

import gzip
import pathlib
import struct
import sys

PER_CLASS = {"train": 600, "t10k": 100}
SIDE = 28

source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
target = pathlib.Path(__file__).parent / "fashion-mnist-sample"
target.mkdir(exist_ok=True)


def write(name, data):
    # No time and no file name in the header: the same bytes on every run.
    (target / name).write_bytes(gzip.compress(data, compresslevel=9, mtime=0))


for part, per_class in PER_CLASS.items():
    images_name = f"{part}-images-idx3-ubyte.gz"
    labels_name = f"{part}-labels-idx1-ubyte.gz"
    pixels = gzip.decompress((source / images_name).read_bytes())[16:]
    labels = gzip.decompress((source / labels_name).read_bytes())[8:]
    count = [0] * 10
    chosen = []
    for index, label in enumerate(labels):
        if count[label] < per_class:
            count[label] += 1
            chosen.append(index)
    area = SIDE * SIDE
    body = b"".join(pixels[i * area : (i + 1) * area] for i in chosen)
    write(images_name, struct.pack(">4i", 0x803, len(chosen), SIDE, SIDE) + body)
    write(labels_name, struct.pack(">2i", 0x801, len(chosen)) + bytes(labels[i] for i in chosen))
    print(part, len(chosen), count)
