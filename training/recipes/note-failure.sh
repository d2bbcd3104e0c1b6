#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Why the founding note's face run ended at 60.5 % on its own triplets, and the cure. Twice the same pictures, triplets,
# loss, rate, network and evaluation; one run takes one triplet a batch, as the note did, the other 32.
#
#   ./run exec training/recipes/note-failure.sh DATA/orl WORK [OUT.svg]
#
# In training mode batch norm uses the statistics of the batch, with one triplet a pass those of a single picture; in
# evaluation it uses running averages. With one picture a batch these are two different networks: the loss of the first
# falls while the second tells faces apart no better than before. EPOCHS (default 20). LR: as in
# note-faces.sh. PRECISION (default auto: bf16 where the CPU has it, for LibTorch 1.13 gives single float32 pictures to plain
# BLAS, at up to a second a triplet; fp32 is the note's).
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2 out=${3:-$2/note-failure.svg}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
BATCH=1 "$here/note-faces.sh" "$data" "$work/one" --run-dir "$work/one.run" --precision "${PRECISION:-auto}"
# The same number of passes over the data, so a thirty-second of the updates.
BATCH=32 "$here/note-faces.sh" "$data" "$work/many" --run-dir "$work/many.run" --precision "${PRECISION:-auto}"
python3 "$here/plot_runs.py" "$out" "one triplet a batch (the note)=$work/one.run" "32 triplets a batch=$work/many.run"
