#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who comes and goes in a video, sent to an MQTT broker and printed as it arrives there: topic and payload, a line each.
#
# usage: ./run exec examples/14-mqtt.sh GALLERY VIDEO
#
# The broker is one of its own on the loopback address, and ends with the script; with a broker in BROKER=host:port that one is
# used. Needs Debian's mosquitto (for the first) and mosquitto-clients.
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: $0 GALLERY VIDEO" >&2
  exit 2
fi
gallery=$1 video=$2
scratch=$(mktemp -d)
started=()
cleanup() {
  for program in "${started[@]}"; do kill "$program" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT

if [ -z "${BROKER:-}" ]; then
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  printf 'listener %s 127.0.0.1\nallow_anonymous true\nlog_dest file %s/log\nuser %s\n' "$port" "$scratch" "$(id -un)" \
    >"$scratch/config"
  PATH=$PATH:/usr/sbin mosquitto -c "$scratch/config" 2>/dev/null &
  started+=($!)
  BROKER=127.0.0.1:$port
fi

# The status comes last, when the pipeline says goodbye.
mosquitto_sub -h "${BROKER%:*}" -p "${BROKER##*:}" -v -q 1 -t 'tripletembed/#' >"$scratch/arrived" 2>/dev/null &
started+=($!)
gst-launch-1.0 -q filesrc "location=$video" ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert \
  ! tripletdetect detect-interval=3 ! triplettrack ! tripletembed "gallery=$gallery" \
  ! tripletpublish "address=$BROKER" camera=door client-id=example homeassistant=true ! fakesink sync=false
for _ in $(seq 100); do
  if grep -q '^tripletembed/status/example offline$' "$scratch/arrived"; then break; fi
  sleep 0.1
done
cat "$scratch/arrived"
