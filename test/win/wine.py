# SPDX-License-Identifier: MIT
"""What the tests of programs for Windows have in common. They run under Wine, which is started in such a way that it gets the
signals of the test, and turns SIGINT into Ctrl-C."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

from program import COMMAND, DRIVE, ProgramTest, on_windows  # noqa: E402

# How long to wait for what must come, in seconds: on a busy machine Wine takes seconds to start a program.
WAIT = 120

WORKER = os.environ.get("RDVTASK_WORKER", "worker.exe")

# The way in which Wine runs 32 bits on a system of 64 has a process in front of the program, and that one takes the signals.
KEEPS_SIGNALS = re.search(r"/wine-x86-\d+/drive_c$", DRIVE) and not os.path.exists("/usr/lib/wine/wine")


def import_registry(text):
    """Change the registry by a .reg file with this text, which takes one run of a program for all keys and values."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "all.reg"), "w", encoding="utf-16", newline="\r\n") as file:
            file.write("Windows Registry Editor Version 5.00\n\n" + text)
        subprocess.run(COMMAND[:-1] + [WORKER, "shell", "reg import all.reg"], cwd=folder, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=2 * WAIT)


class WindowsTest(ProgramTest):
    def wait_for(self, condition, what, seconds=WAIT):
        return super().wait_for(condition, what, seconds)

    def wait_for_line(self, stream, words, seconds=WAIT):
        return super().wait_for_line(stream, words, seconds)

    def rdvtask(self, *arguments, timeout=WAIT, **keywords):
        return super().rdvtask(*arguments, timeout=timeout, **keywords)

    def processes_left(self, seconds=30):
        return super().processes_left(seconds)

    def command(self, *arguments):
        return [on_windows(word) if isinstance(word, str) and word.startswith("/") and word not in COMMAND else word
                for word in super().command(*arguments)]

    def worker(self, *words):
        """A command for a step: see worker.c."""
        return [on_windows(WORKER), *[on_windows(word) if word.startswith("/") else word for word in words]]

    def agent(self, name="agent.json", **labels):
        path = super().agent(name, **labels)
        os.chmod(path, 0o600)
        return path

    def beats(self, name):
        """Whether a worker still adds to this file."""
        path = self.path(name)
        before = os.path.getsize(path) if os.path.exists(path) else 0
        return self.grows(path, before)

    def grows(self, path, before, seconds=1):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(path) and os.path.getsize(path) > before:
                return True
            time.sleep(0.02)
        return False

    def typed(self, line):
        """Run a line that is typed at the command prompt of Windows."""
        return subprocess.run(COMMAND[:-1] + [WORKER, "shell", line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=self.dir, encoding="utf-8", timeout=2 * WAIT)

    def shell(self, line, code=0):
        """Run such a line, and return what it prints."""
        done = self.typed(line)
        if code is not None:
            self.assertEqual(done.returncode, code, line + "\n" + done.stdout)
        return done.stdout

    def run_agent(self, *arguments, **keywords):
        """Start a `run` that others can ask."""
        program = self.popen("run", "--config", self.path("agent.json"), *arguments, **keywords)
        self.wait_for_agent()
        return program

    def wait_for_agent(self):
        self.wait_for(lambda: not self.ends("reload"), "an agent")

    def ends(self, *arguments):
        """Run a command, and return its exit code."""
        program = self.popen(*arguments)
        program.communicate()
        self.programs.remove(program)
        return program.returncode

    def stop(self, program, code=0):
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=WAIT)
        self.assertEqual(program.returncode, code, out + err)
        return out, err
