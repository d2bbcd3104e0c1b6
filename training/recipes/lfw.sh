#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labeled Faces in the Wild alone: from random weights, without outside data (the detector alone has seen other faces).
#
#   ./run exec training/recipes/lfw.sh DATA WORK [FOLD]
#
# Without FOLD view 1: trained on the people of pairsDevTrain's side, tested on pairsDevTest: a tenth of it at a time, at the
# threshold that is best on the other nine (people whom the training saw lie too close together to choose it on; what
# pairsDevTrain's threshold gives goes to WORK too). With FOLD, 1 to 10, of view 2: trained on the people of the nine other
# folds, tested on that fold's pairs of pairs.txt at the threshold THRESHOLD (lfw-view2.sh takes view 1's).
# DATA holds lfw/, lfw-protocol/ and models/ with a YuNet file. The people with one picture stay in: each is one more to be
# told apart. A stopped run goes on. WORK/lfw-all-SIZE.safetensors, once packed, serves all folds.
# EPOCHS (default 110), SIZE (80), LR (0.1), MARGIN (0.3), MIX (0.6), WORKERS (1), THREADS (1), SEED (1), DEVICE (auto).
# On an H200 eleven side by side take six minutes, on one core with AVX2 one takes five to six hours.
#
# Triplets, batch-hard, 64 people × 4 pictures, three of five groups virtual identities: seven of ten people have one picture,
# and a batch's virtual people are new in every batch, so that none can be learned by heart.
set -euo pipefail

case $# in 2 | 3) ;; *) sed -n '3,18s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
data=$1 work=$2 fold=${3:-} size=${SIZE:-80} protocol=$1/lfw-protocol
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
packed=$work/lfw-all-$size.safetensors
[ -f "$packed" ] || triplet-train pack --out "$packed" --size "$size" --context 1.25 --align five-point --detect \
  --detector-model "$data/models/face_detection_yunet_2023mar.onnx" --fallback centre "lfw=$data/lfw"
if [ -z "$fold" ]; then
  name=$work/lfw-seed${SEED:-1} without=$protocol/peopleDevTest.txt trained="LFW, people of view 1's training list"
  pairs=(--pairs "$protocol/pairsDevTest.txt" --cross-validate 10)
else
  name=$work/lfw-fold$fold-seed${SEED:-1} without=$work/people-$fold.txt trained="LFW, people of view 2 without fold $fold"
  # people.txt: the number of folds, then of each fold its number of people and they.
  awk -F '\t' -v fold="$fold" 'NR > 1 && NF == 1 { at++ } NF == 2 && at == fold' "$protocol/people.txt" >"$without"
  pairs=(--pairs "$protocol/pairs.txt" --fold "$fold" --threshold "${THRESHOLD:?needed with FOLD}")
fi
triplet-train train --data "$packed" --without "$without" --val-fraction 0 --select last --min-images 1 --aug face \
  --loss triplet --miner batch-hard --pk 64 4 --margin "${MARGIN:-0.3}" --mix-identities "${MIX:-0.6}" --lr "${LR:-0.1}" \
  --warmup-epochs 2 --epochs "${EPOCHS:-110}" --ema 0.998 --precision auto \
  --device "${DEVICE:-auto}" --threads "${THREADS:-1}" --workers "${WORKERS:-1}" --seed "${SEED:-1}" --checkpoint-every 300 \
  --resume --trained-on "$trained" --recipe training/recipes/lfw.sh --out "$name.safetensors"
[ -n "$fold" ] || triplet-train evaluate --weights "$name.safetensors" --pairs "$protocol/pairsDevTest.txt" \
  --threshold-pairs "$protocol/pairsDevTrain.txt" --images "$packed" --device "${DEVICE:-auto}" --flip --json \
  >"$name-trained-threshold.json"
triplet-train evaluate --weights "$name.safetensors" "${pairs[@]}" --images "$packed" --device "${DEVICE:-auto}" \
  --flip --bootstrap 1000 --json | tee "$name.json"
