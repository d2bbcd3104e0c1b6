#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labeled Faces in the Wild, view 2 in full: ten trainings, each tested on the fold whose people it never saw, at one
# threshold: the best one on pairsDevTest for the training of view 1, which is there for such choices. No outside data.
#
#   ./run exec training/recipes/lfw-view2.sh DATA WORK
#
# DATA, WORK and the variables as in lfw.sh. JOBS (default 1) trainings side by side. Prints a line a fold and the mean
# accuracy with its standard error.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$2 seed=${SEED:-1}
[ -f "$work/lfw-seed$seed.json" ] || "$here/lfw.sh" "$1" "$work"
THRESHOLD=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["best_threshold"])' "$work/lfw-seed$seed.json")
export THRESHOLD
# shellcheck disable=SC2016  # The inner shell's own.
seq 10 | xargs -P "${JOBS:-1}" -I FOLD sh -c '[ -f "$2/lfw-foldFOLD-seed$3.json" ] || "$0" "$1" "$2" FOLD >&2' \
  "$here/lfw.sh" "$1" "$work" "$seed"
python3 "$here/summary.py" --error accuracy auc -- "$work"/lfw-fold*-seed"$seed".json
