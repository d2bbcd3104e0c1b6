#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/address.py takes the same out of addresses as libembed's function."""
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import address  # noqa: E402


class PublicAddress(unittest.TestCase):
    def test_is_libembeds(self):
        with open(os.path.join(ROOT, "tests", "libembed", "base", "address_test.cpp"), encoding="utf-8") as source:
            cases = re.findall(r'^      \{"([^"]*)", "([^"]*)"\}', source.read(), re.MULTILINE)
        self.assertGreater(len(cases), 10)
        for given, shown in cases:
            self.assertEqual(address.public_address(given), shown, given)


if __name__ == "__main__":
    unittest.main()
