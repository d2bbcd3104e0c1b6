#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labeled Faces in the Wild alone, view 1: trained on the people of pairsDevTrain's side (peopleDevTrain.txt) from random
# weights, without outside data; tested on pairsDevTest, the threshold chosen on pairsDevTrain.
#
#   ./run exec training/recipes/lfw.sh DATA WORK
#
# DATA holds lfw/, lfw-protocol/ and models/ with a YuNet file (the detector alone has seen other faces). The people with one
# picture stay in: each is one more to be told apart. EPOCHS (default 44), SIZE (default 80). A stopped run goes on.
# On one core with AVX512-BF16 it takes about 50 minutes.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2 size=${SIZE:-80}
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
detector=$data/models/face_detection_yunet_2023mar.onnx
[ -f "$work/lfw-$size.safetensors" ] || triplet-train pack --out "$work/lfw-$size.safetensors" --size "$size" \
  --context 1.25 --align five-point --detect --detector-model "$detector" --skip-bad \
  --people "$data/lfw-protocol/peopleDevTrain.txt" "lfw=$data/lfw"
name=$work/lfw-seed${SEED:-1}
triplet-train train --data "$work/lfw-$size.safetensors" --val-fraction 0 --select last --min-images 1 --aug face \
  --loss cosface --no-neck --scale 28 --cos-margin 0.35 --cos-margin-epochs 10 --lr 0.1 --epochs "${EPOCHS:-44}" \
  --batch-size 128 --ema 0.998 --precision bf16 --threads "${THREADS:-1}" --workers 1 --seed "${SEED:-1}" \
  --checkpoint-every 300 --resume --trained-on "LFW, people of view 1's training list" \
  --recipe training/recipes/lfw.sh --out "$name.safetensors"
triplet-train evaluate --weights "$name.safetensors" --pairs "$data/lfw-protocol/pairsDevTest.txt" \
  --threshold-pairs "$data/lfw-protocol/pairsDevTrain.txt" --images "$data/lfw" --flip --bootstrap 1000 \
  --detector-model "$detector" --json | tee "$name.json"
