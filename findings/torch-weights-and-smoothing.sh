#!/usr/bin/env bash
# PyTorch 2.15.0, CPU.
#
# Guess:     CrossEntropyLoss(weight=w, label_smoothing=s) weighs images: the smoothed loss of an image of
#            class y, times w[y]. So the answer that makes an image's loss smallest is its smoothed label,
#            whatever the weights, and a class of weight 0 counts for nothing.
# Behaviour: a class's weight multiplies that class's term in the loss of every image, and only the divisor
#            is the weights of the images' own classes. With weights that make up for rare classes, the share
#            that smoothing gives a rare class outweighs the image's own label.
# Seen:      classes of 900, 90 and 10 images, weights of one over their number, smoothing 0.1: the loss of an
#            image of the largest class is smallest where the answer is 22 %, 8 % and 70 %, so that the class
#            with the largest probability is the rarest. Without smoothing: 100 %, 0, 0; without weights: 93 %,
#            3 %, 3 %. A class of weight 0 has a loss of 1.13, undivided.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.functional import cross_entropy

images = torch.tensor([900.0, 90.0, 10.0])
label = torch.tensor([0])


def best(weight, smoothing):
    """The probabilities that make the loss of an image of the largest class smallest."""
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    weight = weight.double() if weight is not None else None
    optimizer = torch.optim.LBFGS([logits], max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(logits, label, weight=weight, label_smoothing=smoothing)
        loss.backward()
        return loss

    optimizer.step(closure)
    return logits.detach().softmax(1)[0]


for name, weight, smoothing in [
    ("weights and smoothing", 1 / images, 0.1),
    ("weights alone", 1 / images, 0.0),
    ("smoothing alone", None, 0.1),
]:
    answer = best(weight, smoothing)
    print(f"{name:22}", " ".join(f"{100 * it:5.1f} %" for it in answer))
    if name == "weights and smoothing":
        assert answer.argmax() == 2 and abs(answer[2] - 0.703) < 0.01, answer
    else:
        assert answer.argmax() == 0, answer

weight = torch.tensor([0.0, 1.0, 10.0])
logits = torch.tensor([[2.0, 0.0, -1.0]])
for smoothing, expected in [(0.0, 0.0), (0.1, 1.1289)]:
    loss = cross_entropy(logits, label, weight, label_smoothing=smoothing, reduction="sum")
    print(f"an image of weight 0, smoothing {smoothing}: {loss:.4f}")
    assert abs(loss - expected) < 1e-3, loss
PYTHON
