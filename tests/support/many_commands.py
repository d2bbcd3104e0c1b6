# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command lines of one program, one after another in one process (many.cpp)."""
import atexit
import os
import select
import shutil
import subprocess
import tempfile



class ManyCommands:
    """Starts the process at the first command; a process that died is started anew for the next one."""

    def __init__(self, program, environment):
        self.program = program
        self.environment = environment
        self.process = None
        self.folder = None

    def run(self, args, cwd, settings, timeout=600):
        """What subprocess.run gives for the program with these arguments; `settings`: of the environment, for it alone."""
        if self.process is None:
            self.start()
        output, error = (os.path.join(self.folder, name) for name in ("output", "error"))
        words = [cwd, output, error, *("%s=%s" % setting for setting in settings.items()), "--", *args]
        self.process.stdin.write(b"%d\n" % len(words) + b"".join(os.fsencode(word) + b"\0" for word in words))
        self.process.stdin.flush()
        answer = self.process.stdout.readline() if select.select([self.process.stdout], [], [], timeout)[0] else b""
        said = []
        for path in (output, error):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                said.append(file.read())
        if not answer:
            self.process.kill()
            status = self.process.wait()
            self.process = None
            raise AssertionError("no answer, the process ended with %d: %s\n%s" % (status, args, said[1]))
        return subprocess.CompletedProcess(args, int(answer), *said)

    def start(self):
        if self.folder is None:
            self.folder = tempfile.mkdtemp(prefix="many-commands-")
            atexit.register(shutil.rmtree, self.folder)
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=self.environment)
        atexit.register(self.end, self.process)

    @staticmethod
    def end(process):
        process.stdin.close()
        process.wait()
