#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a whole pipeline under GStreamer's leaks tracer; any object left alive fails.

usage: leaks_test.py MAKE_FIXTURES [--faces]

With --faces tripletbin is run too, which is there when face detection was built.
"""
import os
import subprocess
import sys
import tempfile


def run(launch, extra):
    env = dict(os.environ, GST_TRACERS="leaks(check-refs=true)", GST_DEBUG="GST_TRACER:7", GST_DEBUG_NO_COLOR="1", **extra)
    done = subprocess.run(["gst-launch-1.0", "-q", *launch.split()], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{launch}\nended with {done.returncode}:\n{done.stderr}")
    return [line for line in done.stderr.splitlines() if " object-alive, " in line and "GST_TRACER :0" in line]


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        files = f"model={folder}/weights.safetensors gallery={folder}/gallery.safetensors"
        source = "videotestsrc num-buffers=15 ! video/x-raw,width=160,height=120"
        ours = (f"{source} ! tripletembed inference-region=full-frame {files} ! "
                f"triplettrack object-class=frame ! tee name=t "
                f"t. ! queue ! tripletoverlay ! videoconvert ! videoscale ! video/x-raw,width=80 ! "
                f"tripletjson location={folder}/a.jsonl ! fakesink "
                f"t. ! queue ! tripletjson location={folder}/b.jsonl ! fakesink "
                f"t. ! queue ! tripletpublish address=127.0.0.1:1 drain-timeout=0 ! fakesink")
        leaks = run(ours, {})
        if "--faces" in sys.argv[2:]:
            # Without a child's property: for each of them GStreamer 1.22's launch parser keeps a reference for ever.
            leaks += run(f"{source} ! tripletbin {files} ! fakesink", {})
        with open(f"{folder}/a.jsonl", encoding="utf-8") as lines:
            count = len(lines.readlines())
    if count != 15:
        sys.exit(f"15 frames went in, {count} lines came out")
    if leaks:
        sys.exit("left alive:\n" + "\n".join(leaks))


main()
