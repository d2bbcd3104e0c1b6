# SPDX-License-Identifier: LGPL-2.1-or-later
"""The event files that triplet-train train writes for TensorBoard, read by the format's definition."""
import os
import struct
import unittest

from support import TrainTest


class TensorBoard(TrainTest):
    def tensorboard_scalars(self, run="w.run"):
        """{tag: [(step, value)]} of all event files, read by the format's definition; every checksum looked at."""
        def crc32c(data):
            crc = 0xFFFFFFFF
            for byte in data:
                crc ^= byte
                for _ in range(8):
                    crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
            return crc ^ 0xFFFFFFFF

        def masked(data):
            crc = crc32c(data)
            return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

        def fields(data):
            at = 0
            def varint():
                nonlocal at
                value = shift = 0
                while True:
                    byte = data[at]
                    at += 1
                    value |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        return value
            while at < len(data):
                key = varint()
                kind = key & 7
                if kind == 0:
                    yield key >> 3, varint()
                    continue
                size = {1: 8, 5: 4}.get(kind) or varint()
                yield key >> 3, data[at:at + size]
                at += size

        self.assertEqual(crc32c(b"123456789"), 0xE3069283)  # the checksum's published check value
        scalars = {}
        for name in sorted(os.listdir(self.path(run))):
            if not name.startswith("events.out.tfevents."):
                continue
            content = self.content(os.path.join(run, name))
            at = 0
            while at < len(content):
                size, = struct.unpack_from("<Q", content, at)
                event = content[at + 12:at + 12 + size]
                self.assertEqual(struct.unpack_from("<I", content, at + 8)[0], masked(content[at:at + 8]))
                self.assertEqual(struct.unpack_from("<I", content, at + 12 + size)[0], masked(event))
                if at == 0:
                    self.assertIn((3, b"brain.Event:2"), list(fields(event)))
                at += 16 + size
                step = dict(fields(event)).get(2, 0)
                for number, summary in fields(event):
                    for _, value in fields(summary) if number == 5 else ():
                        entry = dict(fields(value))
                        scalars.setdefault(entry[1].decode(), []).append((step, struct.unpack("<f", entry[2])[0]))
        return scalars

    def test_tensorboard_shows_what_the_metrics_say(self):
        self.digits()
        flags = ["--epochs", 2, "--val", "set", "--loss", "triplet", "--pk", 4, 4, "--lr", 0.001]
        self.ok(*self.train(*flags))
        scalars = self.tensorboard_scalars()
        epochs = [line for line in self.metrics() if line["event"] == "epoch"]
        for tag, key in (("train/loss", "loss"), ("train/gradient_norm", "gradient_norm"), ("train/margin", "margin")):
            values = dict(scalars[tag])
            for line in epochs:
                self.assertAlmostEqual(values[line["epoch"] * line["batch"]], line[key], places=4)
        self.assertAlmostEqual(scalars["validation/auc"][-1][1], epochs[-1]["validation"]["auc"], places=6)
        self.assertAlmostEqual(sum(scalars["triplets/" + kind][-1][1] for kind in ("easy", "semi_hard", "hard")), 1, places=5)
        self.assertLessEqual(scalars["distance/negative_p10"][-1][1], scalars["distance/negative_p90"][-1][1])


if __name__ == "__main__":
    unittest.main()
