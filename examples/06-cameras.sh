#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The names of several cameras or videos at once, with one model for all: each has a tripletembed of its own, and as
# they ask for the same weights they share them, and the faces of all are embedded together.
#
# usage: ./run exec examples/06-cameras.sh GALLERY FOLDER SOURCE…
#
# A SOURCE is a video file or /dev/videoN. FOLDER gets a file of JSON Lines for each, 1.jsonl, 2.jsonl, …;
# what is there already stays.
# GST_DEBUG=tripletembed:5 shows how full the batches are.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: $0 GALLERY FOLDER SOURCE…" >&2
  exit 2
fi
gallery=$1 folder=$2
shift 2

launch=()
number=0
for source in "$@"; do
  number=$((number + 1))
  case $source in
    # Of a live source that comes too fast, the newest frame is the one to look at.
    /dev/video*) launch+=(v4l2src "device=$source" ! videoconvert ! queue leaky=downstream max-size-buffers=1) ;;
    *) launch+=(filesrc "location=$source" ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert) ;;
  esac
  launch+=(! tripletdetect ! tripletembed "gallery=$gallery" ! tripletjson "location=$folder/$number.jsonl"
    ! fakesink sync=false)
done
exec gst-launch-1.0 -q "${launch[@]}"
