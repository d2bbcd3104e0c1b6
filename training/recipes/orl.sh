#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Small data: 40 people, 10 pictures each (ORL / AT&T). Five folds of 8 people whom the network never saw, trained on the
# other 32 people's 320 pictures and on nothing else. Prints a line a fold and the means with their spread.
#
#   ./run exec training/recipes/orl.sh DATA/orl WORK [FOLD:SEED …]
#
# Every finished fold stays in WORK: a run that was stopped goes on. EPOCHS (default 150) and SIZE (64) shorten it for a
# try. One thread for each training; run several FOLD:SEED side by side to fill a machine.
#
# 1. Grey pictures, whole heads.
# 2. Triplets, batch-hard, 16 people × 4 pictures, margin 0.3, four of five groups virtual identities: 32 people alone
#    teach a network who they are, not what tells people apart.
# 3. All pairs and all triplets of the 8 people, each face as the mean of itself and its mirror image.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 work=$2
shift 2
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
size=${SIZE:-64}
[ $# -gt 0 ] || set -- 0:1 1:1 2:1 3:1 4:1 0:2 1:2 2:2 3:2 4:2 0:3 1:3 2:3 3:3 4:3

# Person i of the folders in their natural order is tested in fold i mod 5.
find "$data" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V >"$work/people.txt"
pack() {  # PART FOLD AWK-CONDITION
  local set=$work/$1-$2-$size.safetensors
  [ -f "$set" ] && return
  awk "(NR - 1) % 5 $3 $2" "$work/people.txt" >"$work/$1-$2.txt"
  triplet-train pack --size "$size" --channels 1 --align whole --people "$work/$1-$2.txt" --out "$set" "$data" >/dev/null
}

for item in "$@"; do
  fold=${item%:*} seed=${item#*:}
  pack train "$fold" '!='
  pack test "$fold" '=='
  name=$work/fold$fold-seed$seed
  if [ ! -f "$name.json" ]; then
    triplet-train train --data "$work/train-$fold-$size.safetensors" --val-fraction 0 --select last --aug face \
      --loss triplet --miner batch-hard --pk 16 4 --margin 0.3 --mix-identities 0.8 \
      --epochs "${EPOCHS:-150}" --lr 0.1 --ema 0.99 --precision auto --threads 1 --workers 1 --seed "$seed" \
      --checkpoint-every 60 --resume --trained-on "ORL, 32 people (credit: Olivetti Research Laboratory)" \
      --recipe training/recipes/orl.sh --out "$name.safetensors" >"$name.log" 2>&1
    triplet-train evaluate --weights "$name.safetensors" --data "$work/test-$fold-$size.safetensors" --flip \
      --bootstrap 1000 --json >"$name.json.part" 2>>"$name.log"
    mv "$name.json.part" "$name.json"
  fi
done
python3 "$here/summary.py" all_triplets_accuracy auc eer precision_at_1 -- "$work"/fold*-seed*.json
