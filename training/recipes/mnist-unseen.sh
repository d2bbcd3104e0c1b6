#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Digits nobody showed it: trained on MNIST's 0 to 6, tested on all pairs of the test images of 7, 8 and 9.
#
#   ./run exec training/recipes/mnist-unseen.sh DATA/mnist WORK
#
# All triplets of batches of 28 groups of 8, most of them virtual digits (the upper or left part of one and the rest of
# another, with a warp of their own): seven classes alone teach a network those seven. EPOCHS (default 3), MIX (default 0.8),
# SIZE (default 56).
set -euo pipefail

[ $# -eq 2 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2 size=${SIZE:-56}
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
seq 0 6 >"$work/seen.txt"
seq 7 9 >"$work/unseen.txt"
[ -f "$work/seen-$size.safetensors" ] || triplet-train pack --size "$size" --channels 1 --people "$work/seen.txt" \
  --out "$work/seen-$size.safetensors" "$data/train-images-idx3-ubyte.gz"
[ -f "$work/unseen-$size.safetensors" ] || triplet-train pack --size "$size" --channels 1 --people "$work/unseen.txt" \
  --out "$work/unseen-$size.safetensors" "$data/t10k-images-idx3-ubyte.gz"
name=$work/unseen-seed${SEED:-1}
triplet-train train --data "$work/seen-$size.safetensors" --val-fraction 0 --select last --epochs "${EPOCHS:-3}" \
  --aug digit --loss triplet --miner batch-all --pk 28 8 --margin 0.3 --mix-identities "${MIX:-0.8}" --mix-by parts \
  --lr 0.05 --ema 0.99 --precision auto --threads "${THREADS:-1}" --workers 1 --seed "${SEED:-1}" --checkpoint-every 200 --resume \
  --trained-on "MNIST, training images of 0 to 6" --recipe training/recipes/mnist-unseen.sh --out "$name.safetensors"
triplet-train evaluate --weights "$name.safetensors" --data "$work/unseen-$size.safetensors" --json | tee "$name.json"
