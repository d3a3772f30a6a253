# SPDX-License-Identifier: MIT
"""What the tests of the program have in common: a folder and a store of their own, and no process left behind."""
import datetime
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

RDVTASK = os.environ.get("RDVTASK", "rdvtask")

# The words that start it: a program for another system has one that runs it in front.
COMMAND = [RDVTASK] if os.path.exists(RDVTASK) else shlex.split(RDVTASK)

# Whether it is for Windows; under Wine then, which hands it what we hand to Wine.
ON_WINDOWS = COMMAND[-1].endswith(".exe")

# Where the drive C: is. Tests have their folders there: on the way to it there is none that others may change, which there is on
# the drive that Wine has for this system, at /tmp.
DRIVE = None
if ON_WINDOWS:
    WINE_RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "wine-run")
    DRIVE = os.path.join(subprocess.run([WINE_RUN, "--prefix", COMMAND[-1]], check=True, stdout=subprocess.PIPE,
                                        encoding="utf-8").stdout.rstrip("\n"), "drive_c")
    tempfile.tempdir = os.path.join(DRIVE, "tests")
    os.makedirs(tempfile.tempdir, exist_ok=True)


def on_windows(path):
    """How Windows calls a path of ours."""
    if path.startswith(DRIVE + "/"):
        return "C:" + path[len(DRIVE):].replace("/", "\\")
    return "Z:" + path.replace("/", "\\")


def sanitized():
    """Whether the program was built with a sanitizer, which takes far more address space than a limit would leave."""
    with open(shutil.which(RDVTASK), "rb") as file:
        return re.search(b"__[at]san_init", file.read()) is not None

# Slow machines and sanitizers: all waiting is a multiple of this.
PATIENCE = float(os.environ.get("RDVTASK_TEST_PATIENCE", "1"))


# What ran us may have had signals ignored (nohup, a background job), and programs start with that.
for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def moment(text):
    """A time of an entry in units of 100 ns. As a text it can't be compared, since zeros at its end are left out."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    whole = datetime.datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S") - datetime.datetime(1970, 1, 1)
    return (whole.days * 86400 + whole.seconds) * 10 ** 7 + int(fraction.ljust(7, "0"))


def switches(pid):
    """How often the threads of a process have been put on a processor after they had left it."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/status" % (pid, thread)) as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        except (FileNotFoundError, ProcessLookupError):
            pass  # a thread that has just ended: the total is another one
    return total


def marked_processes(mark):
    """The processes that have this NAME=value in their environment, as {pid: command}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as file:
                environment = file.read().split(b"\0")
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                command = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if mark.encode() in environment:
            found[int(pid)] = command
    return found


class ProgramTest(unittest.TestCase):
    def setUp(self):
        os.umask(0o022)  # documents that others may write to are refused
        self.dir = tempfile.mkdtemp(prefix="rdvtask-cli-")
        self.store = os.path.join(self.dir, "store.db")
        self.mark = "TEST_MARK=" + uuid.uuid4().hex
        self.programs = []
        self.unread = {}

    def tearDown(self):
        cut_short = getattr(self, "may_leave_processes", False)
        for program in self.programs:
            if program.poll() is None:
                cut_short = True  # the test has failed before it could end it
                program.kill()
            program.communicate()
        left = {} if cut_short else self.processes_left()
        self.kill_processes()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.assertEqual(left, {}, "processes were left behind")

    def kill_processes(self):
        """Kill what still runs, and what that starts meanwhile."""
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end:
            left = marked_processes(self.mark)
            if not left:
                break
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.01)

    def processes_left(self, seconds=20):
        """What still runs, once what was killed has had time to be gone."""
        end = time.monotonic() + seconds * PATIENCE
        while marked_processes(self.mark) and time.monotonic() < end:
            time.sleep(0.01)
        return marked_processes(self.mark)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, content):
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content, indent=2)
        if isinstance(content, str):
            content = content.encode("utf-8")
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def agent(self, name="agent.json", **labels):
        """An agent document: label=step or label=[steps] or label={handler}; a step is an argv list or an object."""
        handlers = []
        for label, handler in labels.items():
            if isinstance(handler, list):
                steps = handler if handler and not isinstance(handler[0], str) else [handler]
                handler = {"steps": [step if isinstance(step, dict) else {"run": step} for step in steps]}
            handlers.append(dict({"label": label.replace("_", "-"), "grace": "1s"}, **handler))
        variable, value = self.mark.split("=")
        return self.write(name, {"environment": {variable: value}, "handlers": handlers})

    def unprivileged(self):
        """Keywords for running as a user to whom files can be refused; skips the test where that can't be."""
        if os.geteuid() != 0:
            return {}
        os.chmod(self.dir, 0o1777)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            subprocess.run(COMMAND + ["--version"], stdout=subprocess.DEVNULL, check=True, **nobody)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("the program is in a folder that only root can enter")
        return nobody

    def schedule_file(self, tasks, name="schedule.json"):
        return self.write(name, {"tasks": tasks})

    def command(self, *arguments):
        arguments = list(arguments)
        verbs = ("run", "start", "schedule", "list", "show", "delete", "history", "watch", "cancel", "explain", "pause",
                 "resume", "reload")
        if arguments and arguments[0] in ("run", "start") and "--clock-wait" not in arguments:
            arguments[1:1] = ["--clock-wait", "0"]
        if arguments and arguments[0] in verbs and "--store" not in arguments:
            arguments[1:1] = ["--store", on_windows(self.store) if ON_WINDOWS and self.store[0] == "/" else self.store]
        return COMMAND + arguments

    def popen(self, *arguments, **keywords):
        keywords.setdefault("stdin", subprocess.DEVNULL)
        keywords.setdefault("stdout", subprocess.PIPE)
        keywords.setdefault("stderr", subprocess.PIPE)
        keywords.setdefault("cwd", self.dir)
        program = subprocess.Popen(self.command(*arguments), encoding="utf-8", errors="surrogateescape", **keywords)
        self.programs.append(program)
        return program

    def rdvtask(self, *arguments, code=0, input=None, timeout=60, **keywords):
        """Run the program to its end, hold its exit code against the one expected, and return what it printed."""
        if input is not None:
            keywords["stdin"] = subprocess.PIPE
        program = self.popen(*arguments, **keywords)
        out, err = program.communicate(input, timeout=timeout * PATIENCE)
        self.programs.remove(program)
        result = subprocess.CompletedProcess(program.args, program.returncode, out, err)
        self.assertEqual(program.returncode, code,
                         "exit code of %r\nstdout: %s\nstderr: %s" % (program.args[1:], out, err))
        return result

    def entries(self, verb, *arguments):
        return json.loads(self.rdvtask(verb, "--json", *arguments).stdout)

    def history(self, *arguments):
        return self.entries("history", *arguments)

    def outcomes(self):
        return [(entry["identifier"], entry["outcome"]) for entry in self.history()]

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds * PATIENCE
        pause = 0.01  # grows, since many a condition starts a program
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(pause)
            pause = min(1.5 * pause, 0.1)
        self.fail("waited in vain for " + what)

    def wait_for_line(self, stream, words, seconds=60):
        """Read whole lines until one has these words, and return it. Not mixed with the stream's own readline()."""
        self.unread.setdefault(stream, b"")
        end = time.monotonic() + seconds * PATIENCE
        while True:
            line, newline, after = self.unread[stream].partition(b"\n")
            if newline:
                self.unread[stream] = after
                if words in line.decode("utf-8", "surrogateescape"):
                    return line.decode("utf-8", "surrogateescape")
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                self.fail("waited in vain for a line with %r, and got %r" % (words, line))
            piece = os.read(stream.fileno(), 65536)
            if not piece:
                self.fail("no line with %r came before the end, but %r" % (words, line))
            self.unread[stream] += piece

    def wait_for_file(self, name):
        return self.wait_for(lambda: os.path.exists(self.path(name)), name)

    def listens(self, path=None):
        """Whether an agent does. That its socket is there says less: a moment passes until somebody listens, and a kill leaves it."""
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(path or self.store + ".sock")
                return True
            except OSError:
                return False

    def wait_for_agent(self, program, path=None):
        self.wait_for(lambda: self.listens(path) or program.poll() is not None, "its socket")
        self.assertIsNone(program.poll(), "the agent has ended")

    def wait_until_still(self, program, seconds):
        """Wait until no thread of a program has been on a processor for so long, which one that wakes up more often never is."""
        end = time.monotonic() + (20 + seconds) * PATIENCE
        last, since = switches(program.pid), time.monotonic()
        while time.monotonic() - since < seconds:
            self.assertLess(time.monotonic(), end, "it wakes up again and again")
            time.sleep(0.05)
            now = switches(program.pid)
            if now != last:
                last, since = now, time.monotonic()
        self.assertIsNone(program.poll(), "it has ended")
