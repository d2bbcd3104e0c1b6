# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the detector's chain share."""
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import detector_fetch as fetch  # noqa: E402

CONTENT = b"a model, as far as this test goes\n" * 2000
SHA256 = fetch.hashlib.sha256(CONTENT).hexdigest()
YUNET = fetch.YUNET._replace(size=len(CONTENT), sha256=SHA256)
CENTERFACE = fetch.CENTERFACE._replace(size=len(CONTENT), sha256=SHA256)
OTHER = CONTENT[:-2] + b"!\n"


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        # Neither the user's folders nor this machine's ways to the network.
        self.environment = {"HOME": self.scratch, "PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull,
                            "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self.scratch, "no_proxy": "127.0.0.1"}
        saved = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))
        for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ.update(self.environment)

    def refused(self, words, call, *arguments):
        with self.assertRaises(fetch.FetchError) as raised:
            call(*arguments)
        for word in words:
            self.assertIn(word, str(raised.exception))
        self.assertNotIn("\n", str(raised.exception))
