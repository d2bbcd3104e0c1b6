# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual environment that benchmarks install their peers into: build/peers/venv, made at the first need."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "build", "peers")


class PeerError(Exception):
    """Why a peer is not to be had."""


def clean_environment(**more):
    """The environment without this tree's libraries and without anybody's wishes about threads."""
    kept = {key: value for key, value in os.environ.items()
            if key != "LD_LIBRARY_PATH" and not key.startswith(("OMP_", "MKL_", "GOMP_", "KMP_"))}
    return {**kept, **more}


def python_of(folder):
    return os.path.join(folder, "venv", "bin", "python")


def has(folder, modules):
    """Whether the environment is there and has all of the modules; they are not imported, for that can take seconds."""
    code = f"import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in {list(modules)!r}))"
    return os.path.exists(python_of(folder)) and subprocess.run(
        [python_of(folder), "-c", code], capture_output=True, check=False, env=clean_environment()).returncode == 0


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


def run_or_raise(command, doing):
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise PeerError(f"{doing}: {errors[-1] if errors else last_line(done.stderr or done.stdout)}")


def ensure(modules, packages, folder=FOLDER, offline=False):
    """The environment's Python, with `modules`, which come from `packages` (pip's names). Raises PeerError with the reason
    where they cannot be had, at once when `offline`."""
    if has(folder, modules):
        return python_of(folder)
    if offline:
        raise PeerError(f"{', '.join(packages)} not in {os.path.relpath(folder)}, and --offline was given")
    print(f"installing {', '.join(packages)} into {os.path.relpath(folder)}", file=sys.stderr)
    if not os.path.exists(python_of(folder)):
        run_or_raise([sys.executable, "-m", "venv", os.path.join(folder, "venv")], "python -m venv")
    run_or_raise([python_of(folder), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1",
                  "--only-binary", ":all:", *packages], "pip")
    return python_of(folder)
