#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `./run demo` does once everything is built: picks clips, enrols, runs gst-launch-1.0, prints a table."""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import address  # noqa: E402
import demo_gallery  # noqa: E402
import demo_photographs  # noqa: E402
import demo_table  # noqa: E402
import detector  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLE_CLIPS = os.path.join(ROOT, "..", "shared", "data", "video")
# Persons A to E, one clip each to enrol, others to look at; the last clip shows a stranger.
SAMPLE_PEOPLE = {"A": "bird", "B": "book", "C": "eat", "D": "help", "E": "want"}
SAMPLE_SHOWN = ["milk", "learn", "night", "yes", "head-pose-face-detection-female"]

# videoflip's.
DIRECTIONS = ("auto", "identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll")
TURNED_FRAMES = 50  # Of a clip without a face so many are looked at once more, turned.


class DemoError(Exception):
    """Told to the user as it is, without a traceback."""


def parse(argv):
    ap = argparse.ArgumentParser(prog="./run demo", description="Name the faces in a video.")
    ap.add_argument("source", nargs="?", metavar="VIDEO|/dev/videoN|rtsp://…",
                    help="what to look at; without it: sample clips, else a camera, else packaged photographs")
    ap.add_argument("--photographs", action="store_true",
                    help="the packaged photographs, even where there are sample clips or a camera")
    ap.add_argument("--gallery", metavar="FOLDER", help="people to name: FOLDER/NAME/*.jpg")
    ap.add_argument("--output", metavar="DIR", default="demo-output", help="where the results go (demo-output)")
    ap.add_argument("--video-direction", default="auto", metavar="WAY", choices=DIRECTIONS,
                    help="how frames are turned: auto heeds what the file says; else " + ", ".join(DIRECTIONS[1:]))
    ap.add_argument("--seconds", type=float, metavar="N", help="stop each source after N seconds")
    ap.add_argument("--build", default=os.path.join(ROOT, "build"), help=argparse.SUPPRESS)
    ap.add_argument("--frames", type=int, default=75, help=argparse.SUPPRESS)  # of each photograph, for the tests
    ap.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    args = ap.parse_args(argv)
    if args.seconds is not None and args.seconds <= 0:
        ap.error("--seconds must be above 0")
    if args.photographs and args.source:
        ap.error(f"--photographs or {address.public_address(args.source)}, not both")
    return args


def check(args):
    """What can be said before anything is built. Raises DemoError."""
    if args.gallery and not os.path.isdir(args.gallery):
        raise DemoError(f"{args.gallery}: no such folder (--gallery takes one that holds NAME/*.jpg)")
    source = args.source
    if source is None or "://" in source:
        return
    if not os.path.exists(source):
        raise DemoError(f"{source}: no such {'camera' if source.startswith('/dev/') else 'file'}")
    if os.path.isdir(source):
        raise DemoError(f"{source}: a folder; give a video file, a camera (/dev/videoN) or a URL")
    if not os.access(source, os.R_OK):
        raise DemoError(f"{source}: not readable")


def source_elements(source, direction="auto"):
    """Frames as people see them: turned as the file's `image-orientation` says, or as `direction` does."""
    if "://" in source:
        elements = ["uridecodebin", f"uri={source}"]
    elif source.startswith("/dev/"):
        elements = ["v4l2src", f"device={source}", "!", "decodebin"]
    else:
        elements = ["filesrc", f"location={source}", "!", "decodebin"]
    return elements + ["!", "videoconvert", "!", "videoflip", f"video-direction={direction}"]


def pipeline(source, gallery, mp4, json_lines, direction="auto"):
    """The arguments of gst-launch-1.0. zerolatency: the encoder holds no frames back while the other branch waits."""
    embed = ["tripletembed"] + ([f"gallery={gallery}"] if gallery else [])
    return (source_elements(source, direction) + ["!", "videoconvert", "!", "tripletdetect", "!", "triplettrack", "!"] + embed +
            ["!", "tee", "name=faces",
             "faces.", "!", "queue", "!", "videoconvert", "!", "tripletoverlay", "!", "videoconvert", "!",
             "x264enc", "tune=zerolatency", "speed-preset=veryfast", "bitrate=4000", "!", "h264parse", "!",
             "mp4mux", "!", "filesink", f"location={mp4}",
             "faces.", "!", "queue", "!", "tripletjson", f"location={json_lines}", "!", "fakesink", "sync=false"])


def count_lines(path):
    try:
        with open(path, "rb") as lines:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(1 << 20), b""))
    except FileNotFoundError:
        return 0


def show_progress(name, json_lines, started, last):
    """One line that renews itself on a terminal, one line every five seconds elsewhere. Returns when it last spoke."""
    now = time.monotonic()
    on_terminal = sys.stdout.isatty()
    if now - last < (0.25 if on_terminal else 5.0):
        return last
    frames, seconds = count_lines(json_lines), now - started
    text = f"  {name}: {frames} frames, {seconds:.0f} s, {frames / max(seconds, 1e-9):.0f} frames/s"
    print(f"\r\033[K{text}" if on_terminal else text, end="" if on_terminal else "\n", flush=True)
    return now


def watch(process, name, json_lines, seconds):
    """Waits for gst-launch-1.0; Ctrl-C and --seconds end the stream in order (EOS), so that the mp4 is whole."""
    started = last = time.monotonic()
    asked_to_stop = False
    while process.poll() is None:
        try:
            time.sleep(0.05)
            last = show_progress(name, json_lines, started, last)
            late = seconds is not None and time.monotonic() - started > seconds
        except KeyboardInterrupt:
            late = True
        if late and not asked_to_stop:
            process.send_signal(signal.SIGINT)
            asked_to_stop = True
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    frames, took = count_lines(json_lines), time.monotonic() - started
    print(f"  {name}: {frames} frames in {took:.1f} s", flush=True)
    return asked_to_stop


def run_clip(source, gallery, args):
    """Runs one pipeline. Returns (name, mp4, json_lines). Raises DemoError."""
    shown = address.public_address(source)
    name = os.path.splitext(os.path.basename(shown.rstrip("/")))[0] or "stream"
    mp4 = os.path.join(args.output, name + ".mp4")
    json_lines = os.path.join(args.output, name + ".jsonl")
    for path in (mp4, json_lines):
        if os.path.exists(path):
            os.remove(path)
    elements = pipeline(source, gallery, mp4, json_lines, args.video_direction)
    print(f"\n{name}: ./run exec {demo_table.command_line(['gst-launch-1.0', '-e'] + pipeline(shown, gallery, mp4, json_lines, args.video_direction))}\n", flush=True)
    # A process group of its own: a Ctrl-C at the terminal reaches it through us alone, once.
    process = subprocess.Popen(["gst-launch-1.0", "-q", "-e"] + elements, start_new_session=True)
    try:
        stopped = watch(process, name, json_lines, args.seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0 and not stopped:
        raise DemoError(f"{shown}: the pipeline failed (gst-launch-1.0's message is above)")
    if count_lines(json_lines) == 0:
        raise DemoError(f"{shown}: no frame came out of it")
    tell_if_turned(source, json_lines)
    return name, mp4, json_lines


def faces_when_turned(source, direction, json_lines):
    """(frames with a face, frames looked at) of the first ones, turned that way."""
    elements = (source_elements(source, direction) +
                ["!", "videoconvert", "!", "identity", f"eos-after={TURNED_FRAMES + 1}", "!", "tripletdetect", "!",
                 "tripletjson", f"location={json_lines}", "!", "fakesink", "sync=false"])
    subprocess.run(["gst-launch-1.0", "-q"] + elements, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=60, check=False)
    frames, with_face, _ = demo_table.people_of(json_lines)
    return with_face, frames


def tell_if_turned(source, json_lines):
    """Where no frame of a file has a face: says so when turning the file shows some."""
    _, with_face, _ = demo_table.people_of(json_lines)
    if with_face or not os.path.isfile(source):
        return
    found = {}
    for direction in ("90r", "90l", "180"):
        with tempfile.TemporaryDirectory() as scratch:
            found[direction] = faces_when_turned(source, direction, os.path.join(scratch, "turned.jsonl"))
    direction = max(found, key=lambda way: found[way][0])
    with_face, frames = found[direction]
    if with_face:
        degrees = {"90r": "90 degrees clockwise", "90l": "90 degrees anticlockwise", "180": "180 degrees"}[direction]
        print(f"  {source}: no face found; turned by {degrees} there would be one in {with_face} of the first {frames} "
              f"frames: --video-direction {direction}", flush=True)


def choose(args):
    """(sources, gallery file or None). Raises DemoError."""
    store = demo_gallery.Store(args.build)
    if args.gallery:
        gallery = store.from_folder(args.gallery)
    if args.source:
        return [args.source], gallery if args.gallery else None
    if os.path.isdir(SAMPLE_CLIPS) and not args.photographs:
        clip = lambda stem: os.path.normpath(os.path.join(SAMPLE_CLIPS, stem + ".mkv"))  # noqa: E731
        print(f"the sample clips of {os.path.normpath(SAMPLE_CLIPS)}: "
              f"{len(SAMPLE_PEOPLE)} people enrolled from a clip each, looked for in {len(SAMPLE_SHOWN)} others")
        if not args.gallery:
            gallery = store.from_videos({who: clip(stem) for who, stem in SAMPLE_PEOPLE.items()})
        return [clip(stem) for stem in SAMPLE_SHOWN], gallery
    if os.path.exists("/dev/video0") and not args.photographs:
        print("the camera /dev/video0; Ctrl-C ends it")
        return ["/dev/video0"], gallery if args.gallery else None
    why = "" if args.photographs else "no sample clips and no camera: "
    print(f"{why}a clip made from photographs in Debian packages")
    photographs = demo_photographs.find()
    return [store.clip_of(photographs, args.frames)], gallery if args.gallery else store.from_photographs(photographs)


def choose_detector():
    """The chain of `./run detector`; what it finds is every command's here. Raises DemoError."""
    try:
        path = detector.find(detector.Chain(detector.Places()))
    except detector.FetchError as error:
        raise DemoError(error) from error
    if path:
        os.environ["TRIPLETEMBED_DETECTOR"] = path


def demo(args):
    check(args)
    if args.check:
        return
    os.makedirs(args.output, exist_ok=True)
    if not os.environ.get("TRIPLETEMBED_MODEL"):
        raise DemoError(f"{ROOT}/models/faces-r18.safetensors is missing: the default weights (models/README.md says "
                        "how they are made); or set TRIPLETEMBED_MODEL to a weights file")
    choose_detector()
    sources, gallery = choose(args)
    if gallery is None:
        print("no gallery: faces are found and embedded, and stay ???; --gallery FOLDER names them")
    results = [run_clip(source, gallery, args) for source in sources]
    print()
    demo_table.print_table([(name, json_lines) for name, _, json_lines in results])
    print("\nfiles:")
    for _, mp4, json_lines in results:
        print(f"  {mp4}  {json_lines}")
    if gallery:
        print(f"  {gallery} (the gallery)")


def main():
    args = parse(sys.argv[1:])
    try:
        demo(args)
    except (DemoError, demo_gallery.GalleryError, demo_photographs.PhotographError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
