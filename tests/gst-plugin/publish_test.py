#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tripletpublish in whole pipelines, as processes that are stopped and killed: the last will, the schema, and no password anywhere.

usage: publish_test.py MAKE_FIXTURES [unittest's arguments]"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE_FIXTURES = sys.argv.pop(1)
os.environ["PATH"] += ":/usr/sbin"
SECRET = "hunter2-s3cret"


def soon(condition, seconds=30):
    """What the condition says, when it says something or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def text_of(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


@unittest.skipUnless(shutil.which("mosquitto") and shutil.which("mosquitto_sub"), "no mosquitto")
class Publish(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.user = []

    def path(self, name):
        return os.path.join(self.scratch, name)

    def start(self, *command, output):
        """A program that ends with the test."""
        with open(self.path(output), "ab") as out:
            program = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def broker(self, *lines):
        with open(self.path("config"), "w", encoding="utf-8") as config:
            config.write("\n".join([f"listener {self.port} 127.0.0.1", f"log_dest file {self.path('log')}", "log_type all",
                                    "user " + ("root" if os.getuid() == 0 else "nobody"), *lines]) + "\n")
        broker = self.start("mosquitto", "-c", self.path("config"), output="mosquitto")

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        self.assertTrue(soon(answers), "mosquitto does not start")
        return broker

    def listen(self):
        self.start("mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-i", "ear", "-q", "1", "-t", "#", "-F", "%r %t %p",
                   *self.user, output="heard")
        self.assertTrue(soon(lambda: "Sending SUBACK to ear" in text_of(self.path("log"))))

    def heard(self):
        """Retained, topic and payload of each message so far."""
        return [line.split(" ", 2) for line in text_of(self.path("heard")).splitlines() if line.count(" ") >= 2]

    def last(self, topic):
        return ([payload for _, heard, payload in self.heard() if heard == topic] or [None])[-1]

    def pipeline(self, *publish, frames=20, live=False):
        """The words of a pipeline in which somebody with a name is seen."""
        if not os.path.exists(self.path("weights.safetensors")):
            subprocess.run([MAKE_FIXTURES, self.scratch], check=True)
        return ["gst-launch-1.0", "-v", "videotestsrc", f"num-buffers={frames}", f"is-live={str(live).lower()}", "!",
                "video/x-raw,width=64,height=64,framerate=10/1", "!", "tripletembed", f"model={self.path('weights.safetensors')}",
                f"gallery={self.path('gallery.safetensors')}", "threshold=100", "inference-region=full-frame", "!",
                "tripletpublish", f"address=127.0.0.1:{self.port}", "camera=door", "client-id=me", "max-reconnect-interval=1",
                *publish, "!", "fakesink", "sync=false"]

    def test_every_line_is_as_the_schema_says(self):
        with open(os.path.join(ROOT, "docs", "schema", "tripletjson.schema.json"), encoding="utf-8") as file:
            schema = jsonschema.Draft202012Validator(json.load(file))
        self.broker("allow_anonymous true")
        self.listen()
        subprocess.run(self.pipeline("lines=both", "add-embedding=true"), check=True, stdout=subprocess.DEVNULL)
        self.assertTrue(soon(lambda: self.last("tripletembed/status/me") == "offline"))
        lines = {part: [json.loads(payload) for _, topic, payload in self.heard() if topic == f"tripletembed/{part}/door"]
                 for part in ("frames", "events")}
        self.assertEqual(len(lines["frames"]), 20)
        self.assertEqual([line["event"] for line in lines["events"]], ["appeared", "named", "lost"])
        for line in lines["frames"] + lines["events"]:
            self.assertEqual([error.message for error in schema.iter_errors(line)], [])
        said = {topic for _, topic, _ in self.heard()}
        presence = [topic for topic in said if topic.startswith("tripletembed/presence/door/")]
        self.assertEqual([self.last(topic) for topic in presence], ["absent"])

    def test_the_broker_says_that_who_was_killed_is_offline_and_a_restart_puts_it_right(self):
        self.broker("allow_anonymous true")
        self.listen()
        killed = self.start(*self.pipeline(frames=100000, live=True), output="killed")

        def present():
            return [topic for _, topic, payload in self.heard() if "/presence/" in topic and payload == "present"]
        self.assertTrue(soon(present))
        topic = present()[0]
        killed.send_signal(signal.SIGKILL)
        self.assertTrue(soon(lambda: self.last("tripletembed/status/me") == "offline"))
        self.assertEqual(self.last(topic), "present")
        again = self.start(*self.pipeline(frames=100000, live=True), output="again")
        self.assertTrue(soon(lambda: self.last("tripletembed/status/me") == "online"))
        self.assertTrue(soon(lambda: [payload for _, heard, payload in self.heard() if heard == topic][-2:] == ["absent", "present"]))
        again.send_signal(signal.SIGINT)
        again.wait()
        self.assertTrue(soon(lambda: self.last("tripletembed/status/me") == "offline"))

    def test_what_a_killed_pipeline_accepted_is_sent_by_the_next_one(self):
        spool = f"spool={self.path('spool')}"
        killed = self.start(*self.pipeline(spool, "lines=frames", frames=100000, live=True), output="killed")
        kept = self.path(os.path.join("spool", "0000000000000001.lines"))
        self.assertTrue(soon(lambda: text_of(kept).count('{"timestamp":') >= 10))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        promised = text_of(kept).count('{"timestamp":')
        self.broker("allow_anonymous true")
        self.listen()
        subprocess.run(self.pipeline(spool, "lines=frames", frames=3), check=True, stdout=subprocess.DEVNULL)
        self.assertTrue(soon(lambda: self.last("tripletembed/status/me") == "offline"))
        frames = [json.loads(payload)["frame"] for _, topic, payload in self.heard() if topic == "tripletembed/frames/door"]
        self.assertEqual(frames, list(range(promised)) + [0, 1, 2])

    def test_the_password_is_in_no_output(self):
        with open(self.path("passwords"), "w", encoding="utf-8"):
            pass  # Nobody is let in.
        self.broker("allow_anonymous false", f"password_file {self.path('passwords')}")
        with open(self.path("secret"), "w", encoding="utf-8") as file:
            file.write(SECRET + "\n")
        spool = f"spool={self.path('spool')}"
        outputs = []
        for how, more in ((["username=eve", f"password-file={self.path('secret')}"], {}),
                          (["username=eve"], {"TRIPLETEMBED_PUBLISH_PASSWORD": SECRET}),
                          (["username=eve", f"password={SECRET}"], {}),
                          ([f"address=mqtt://eve:{SECRET}@127.0.0.1:{self.port}"], {}),
                          (["method=kafka", "topic=faces", "username=eve", f"password-file={self.path('secret')}",
                            f"options=options,security.protocol=sasl_plaintext,sasl.mechanism=PLAIN,ssl.key.password={SECRET}"], {})):
            with tempfile.TemporaryDirectory() as dots:
                env = dict(os.environ, GST_DEBUG="tripletpublish:9,basetransform:5", GST_DEBUG_NO_COLOR="1", GST_DEBUG_DUMP_DOT_DIR=dots,
                           **more)
                done = subprocess.run(self.pipeline(spool, "drain-timeout=1", *how), env=env, capture_output=True, text=True,
                                      errors="replace", check=False)
                outputs.append(done.stdout + done.stderr)
                outputs += [text_of(os.path.join(dots, name)) for name in os.listdir(dots)]
        self.assertIn("username", "".join(outputs))
        outputs += [text_of(os.path.join(self.path("spool"), name)) for name in os.listdir(self.path("spool"))]
        for output in outputs:
            # gst-launch-1.0's own words repeat the command line where it cannot be read; ours do not.
            self.assertNotIn(SECRET, output)


if __name__ == "__main__":
    unittest.main()
