#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two kinds of picture: digits and drawings of digits, with one network for both (siamese) and with one for each
# (pseudo-siamese), and how well a digit finds its drawing on pictures that neither has seen.
#
# usage: ./run exec examples/05-two-kinds.sh MNIST OUT [TRANSFORM [SEEDS [FLAG of triplet-train train …]]]
#
# MNIST holds the four IDX files, plain or .gz. TRANSFORM makes the drawings, by default "edges,invert": dark outlines on
# white. SEEDS, "1" by default, is a list; each seed trains both. FLAGs take the place of --epochs 5 --pk 10 5 --lr
# 0.02 --threads 1. PER_CLASS and PER_CLASS_TEST (100 each) in the environment say how many pictures of each digit and
# kind are trained on and tested. No comma in OUT: it separates data sets.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $0 MNIST OUT [TRANSFORM [SEEDS [FLAG …]]]" >&2
  exit 2
fi
folder=$1 out=$2 transform=${3:-edges,invert} seeds=${4:-1}
if [ $# -gt 4 ]; then shift 4; else set -- --epochs 5 --pk 10 5 --lr 0.02 --threads 1; fi
mkdir -p "$out"

# pack PART PICTURES-OF-A-DIGIT: both kinds of it, the drawings of other digits than those that are there as they are.
pack() {
  for name in "$1-images-idx3-ubyte.gz" "$1-images-idx3-ubyte" "$1-images.idx3-ubyte"; do
    [ -f "$folder/$name" ] && images=$folder/$name && break
  done
  : "${images:?$folder: no $1-images-idx3-ubyte(.gz) in it}"
  part=$1 count=$2
  set -- --size 28 --channels 1 --limit-per-class "$count" "$images"
  triplet-train pack --out "$out/$part-digits.safetensors" "$@" >/dev/null
  triplet-train pack --out "$out/$part-drawings.safetensors" --skip-per-class "$count" --transform "$transform" "$@" >/dev/null
  unset images
}
pack train "${PER_CLASS:-100}"
pack t10k "${PER_CLASS_TEST:-100}"

for seed in $seeds; do
  for towers in shared separate; do
    weights=$out/$towers-$seed.safetensors
    triplet-train train --data "$out/train-digits.safetensors" --data-other "$out/train-drawings.safetensors" \
      --towers "$towers" --loss triplet --miner batch-hard --val-fraction 0 --seed "$seed" --out "$weights" "$@" >/dev/null
    other=
    [ "$towers" = shared ] || other="--other-weights ${weights%.safetensors}-other.safetensors"
    # $other is two words or none.
    # shellcheck disable=SC2086
    triplet-train evaluate --weights "$weights" --data "$out/t10k-digits.safetensors" $other \
      --other-data "$out/t10k-drawings.safetensors" --json >"$out/$towers-$seed.json" 2>/dev/null
    echo "$transform, seed $seed, $towers towers:" \
      "$(grep -o '"all_triplets_accuracy":[0-9.]*\|"nearest_accuracy":[0-9.]*\|"eer":[0-9.e-]*' "$out/$towers-$seed.json" | tr '\n' ' ')"
  done
done
