# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the demo makes and keeps under BUILD/demo: galleries enrolled with triplet-gallery, and a clip of photographs.
Each is kept beside a note of what it was made of, and made anew when one of these changes."""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import tempfile


class GalleryError(Exception):
    """Told to the user as it is."""


def digest_of_text(text):
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def digest_of_file(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def digest_of_files(paths, names):
    """SHA-256 over names and contents, so that an edited or renamed picture makes another gallery."""
    return digest_of_text("".join(f"{name}\0{digest_of_file(path)}\n" for name, path in zip(names, paths)))


class Store:
    """Everything the demo keeps, under BUILD/demo."""

    def __init__(self, build):
        self.folder = os.path.join(build, "demo")
        self.build = build
        self.weights = os.environ.get("TRIPLETEMBED_MODEL", "")
        os.makedirs(self.folder, exist_ok=True)

    def from_folder(self, folder):
        paths = sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)
        if not paths:
            raise GalleryError(f"{folder}: no picture in it (it takes NAME/*.jpg)")
        names = [os.path.relpath(path, folder) for path in paths]
        return self._gallery(paths, names, [["--folder", folder, "--face", "centre"]], f"the people of {folder}")

    def from_videos(self, videos):
        """`videos`: {name: clip}."""
        for clip in videos.values():
            if not os.path.exists(clip):
                raise GalleryError(f"{clip}: no such file")
        calls = [["--video", clip, "--name", name, "--face", "largest"] for name, clip in videos.items()]
        return self._gallery(list(videos.values()), list(videos), calls, ", ".join(videos))

    def from_photographs(self, photographs):
        """`photographs`: [(path, name, or None for a stranger)]."""
        people = os.path.join(self.folder, "people")
        shutil.rmtree(people, ignore_errors=True)
        for path, name in photographs:
            if name:
                os.makedirs(os.path.join(people, name), exist_ok=True)
                shutil.copy(path, os.path.join(people, name))
        return self.from_folder(people)

    def clip_of(self, photographs, frames):
        """A video of `photographs` (as in from_photographs), each shown for that many frames at 25 a second."""
        paths = [path for path, _ in photographs]
        clip = os.path.join(self.folder, "photographs.avi")
        program = os.path.join(self.build, "examples", "photo-clip")
        made_of = {"photographs": digest_of_files(paths, map(os.path.basename, paths)),
                   "program": digest_of_file(program), "frames": frames}
        if what_changed(clip, made_of) is not None:
            part = os.path.join(self.folder, "photographs.part.avi")
            self._call([program, "--frames", str(frames), part] + paths)
            keep(part, clip, made_of)
        return clip

    def _gallery(self, paths, names, calls, what):
        """The gallery that these calls of `triplet-gallery enroll` make, one for each `what`."""
        made_of = {"pictures": digest_of_files(paths, names), "weights": digest_of_file(self.weights),
                   "detector": self._detector(), "rule": self._rule(calls)}
        kept = os.path.join(self.folder, f"gallery-{digest_of_text(what)[:16]}.safetensors")
        changed = what_changed(kept, made_of)
        if changed is None:
            print(f"gallery of {what}: {kept} (enrolled before)")
            return kept
        why = f" anew, for what it was made of has changed ({', '.join(changed)})" if changed else ""
        print(f"enrolling {what}{why}", flush=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            gallery = os.path.join(scratch, "gallery.safetensors")
            for call in calls:
                self._call(["triplet-gallery", "enroll", "--weights", self.weights, "--gallery", gallery] + call)
            keep(gallery, kept, made_of)
        return kept

    def _detector(self):
        """The detector's model; without one it is OpenCV's cascade."""
        model = os.environ.get("TRIPLETEMBED_DETECTOR", "")
        return digest_of_file(model) if model else "cascade"

    def _rule(self, calls):
        """How faces become rows: the calls, and the programs that carry them out."""
        libraries = sorted(glob.glob(os.path.join(self.build, "libembed", "**", "libembed*.so"), recursive=True))
        programs = libraries + [path for path in [shutil.which("triplet-gallery")] if path]
        return digest_of_text(json.dumps(calls) + digest_of_files(programs, map(os.path.basename, programs)))

    def _call(self, command):
        # The tools tell the reason on stderr; it is the user's as it is.
        status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        if status not in (0, 3):  # 3: some pictures were refused, which was told.
            raise GalleryError(f"{os.path.basename(command[0])} failed with status {status} (its message is above)")


def what_changed(path, made_of):
    """None when the file at `path` was made of just that; else the names of what differs, none for a first time."""
    try:
        with open(path + ".json", encoding="utf-8") as note:
            before = json.load(note)
    except (OSError, ValueError):
        return []
    if not os.path.exists(path) or not isinstance(before, dict):
        return []
    return [name for name in made_of if before.get(name) != made_of[name]] or None


def keep(made, path, made_of):
    """Moves a file just made to its place. The old note goes first: none ever lies beside a file that it is not of."""
    note = path + ".json"
    if os.path.exists(note):
        os.unlink(note)
    os.replace(made, path)
    with open(note + ".part", "w", encoding="utf-8") as file:
        json.dump(made_of, file)
    os.replace(note + ".part", note)
