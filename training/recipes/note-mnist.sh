#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The founding note's digit experiment: MNIST as three channels of 64×64, its offline triplets (59,990 of all 60,000
# images), squared L2 with margin 1, sigmoid head, SGD at 0.03 with momentum 0.9; triplet accuracy on the test images, and
# the nearest class (L1) among the training images.
#
#   ./run exec training/recipes/note-mnist.sh DATA/mnist WORK [FLAG of triplet-train train …]
#
# LIMIT: images of each digit (default 300: some minutes; 0 takes all). EPOCHS (default 5).
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2
shift 2
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
for part in train t10k; do
  set=$work/note-mnist-$part.data.safetensors
  [ -f "$set" ] || triplet-train pack --size 64 --channels 3 --limit-per-class "${LIMIT:-300}" --out "$set" \
    "$data/$part-images-idx3-ubyte.gz"
done
triplet-train train --note --data "$work/note-mnist-train.data.safetensors" --val "$work/note-mnist-t10k.data.safetensors" \
  --select last --batch-size 64 --epochs "${EPOCHS:-5}" --threads "${THREADS:-1}" --seed "${SEED:-1}" --resume \
  --checkpoint-every 120 --recipe training/recipes/note-mnist.sh --out "$work/note-mnist.safetensors" "$@"
triplet-train evaluate --weights "$work/note-mnist.safetensors" --data "$work/note-mnist-t10k.data.safetensors" \
  --gallery-data "$work/note-mnist-train.data.safetensors" --metric l1 --json
