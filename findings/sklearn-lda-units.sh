#!/usr/bin/env bash
# scikit-learn 1.9.1 with NumPy 2.4.6.
#
# Guess:     LinearDiscriminantAnalysis shrinks the covariance in the same way whether the amount is given
#            (shrinkage=0.3) or found (shrinkage="auto", Ledoit and Wolf): "auto" only chooses the number.
#            So a feature's unit matters for both or for neither.
# Behaviour: "auto" standardises the features first and scales the shrunk covariance back, a number
#            does not. Metres in place of millimetres change no prediction of "auto" and more than half
#            of those of 0.05 or 0.3, whose accuracy goes from 0.7 to 0.46. Whoever takes the number that
#            suits from elsewhere has to standardise, and gets another shrinkage than "auto"'s.
# Seen:      predictions that change with one feature's unit: auto 0 %, 0.05 53 %, 0.3 54 %
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

random = numpy.random.RandomState(0)
classes = numpy.arange(300) % 3
metres = random.randn(300, 8) + 1.2 * numpy.eye(3, 8)[classes]
metres = metres @ (numpy.eye(8) + 0.4 * random.randn(8, 8))
millimetres = metres.copy()
millimetres[:, 0] *= 1000

for shrinkage in ["auto", 0.05, 0.3]:
    for solver in ["lsqr", "eigen"]:
        answers, right = [], []
        for features in (metres, millimetres):
            fitted = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage).fit(features, classes)
            answers.append(fitted.predict(features))
            right.append((answers[-1] == classes).mean())
        changed = (answers[0] != answers[1]).mean()
        print(f"shrinkage {shrinkage}, {solver}: {changed:.0%} change; right {right[0]:.2f} and {right[1]:.2f}")
        if shrinkage == "auto":
            assert changed == 0, "units matter to auto now"
        else:
            assert changed > 0.4, "units do not matter to a number any more"
PYTHON
