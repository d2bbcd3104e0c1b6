#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Digits, for the record: MNIST's 60,000 training images, nearest neighbours of the 10,000 test images among them.
# scripts/train_mnist.sh is the quick one.
#
#   ./run exec training/recipes/mnist.sh DATA/mnist WORK
#
# Images at SIZE×SIZE (default 40, grey), shifted, turned, sheared and warped, never mirrored; CosFace over the ten digits,
# margin 0 → 0.25 over RAMP epochs (default 4), running average of the weights, EPOCHS (default 10), BATCH (128), LR (0.1). A
# run that was stopped goes on.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2 size=${SIZE:-40}
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
for part in train t10k; do
  [ -f "$work/$part-$size.safetensors" ] || triplet-train pack --size "$size" --channels 1 \
    --out "$work/$part-$size.safetensors" "$data/$part-images-idx3-ubyte.gz"
done
triplet-train train --data "$work/train-$size.safetensors" --val "$work/t10k-$size.safetensors" --val-images 2000 \
  --eval-every 5 --select last --epochs "${EPOCHS:-10}" --aug digit --loss cosface --scale 24 --cos-margin 0.25 \
  --cos-margin-epochs "${RAMP:-4}" --lr "${LR:-0.1}" --batch-size "${BATCH:-128}" --ema 0.999 --precision auto \
  --threads "${THREADS:-1}" --workers 1 --seed "${SEED:-1}" --checkpoint-every 200 --resume \
  --trained-on "MNIST, 60,000 training images" --recipe training/recipes/mnist.sh \
  --out "$work/mnist-seed${SEED:-1}.safetensors"
triplet-train evaluate --weights "$work/mnist-seed${SEED:-1}.safetensors" --data "$work/t10k-$size.safetensors" \
  --gallery-data "$work/train-$size.safetensors" --json | tee "$work/mnist-seed${SEED:-1}.json"
