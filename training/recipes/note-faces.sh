#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The founding note's face experiment: some 300 faces, its offline triplets, squared L2 with margin 1, sigmoid head, SGD at
# 0.03 with momentum 0.9, one triplet a batch; the triplet accuracy on the very triplets' pictures, and its nearest class (L1).
#
#   ./run exec training/recipes/note-faces.sh FOLDER WORK [FLAG of triplet-train train …]
#
# FOLDER holds NAME/*.{pgm,jpg,…}. EPOCHS (default 20): the note's 500 take hours.
# BATCH (default 1, the note's). LR (default 0.03 × BATCH / 64: the note divides the sum of a batch's gradients by 64, whatever
# the batch, and --lr is for their mean). note-failure.sh puts this run beside one with proper batches.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2
shift 2
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
set=$work/note-faces.data.safetensors
[ -f "$set" ] || triplet-train pack --size 64 --align whole --limit-per-class 8 --out "$set" "$data"
triplet-train train --note --data "$set" --val "$set" --select last --epochs "${EPOCHS:-20}" \
  --threads "${THREADS:-1}" --seed "${SEED:-1}" --resume --checkpoint-every 120 --recipe training/recipes/note-faces.sh \
  --batch-size "${BATCH:-1}" --lr "${LR:-$(awk "BEGIN { print 0.03 * ${BATCH:-1} / 64 }")}" \
  --out "$work/note-faces.safetensors" "$@"
triplet-train evaluate --weights "$work/note-faces.safetensors" --data "$set" --metric l1 --json
