# SPDX-License-Identifier: MIT
"""Output that fails or is not read: whoever reads what the program says is nobody's master."""
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import time

import tap
from program import PATIENCE, RDVTASK, ProgramTest

# A pipe that holds no more than this is full soon.
PIPE_SIZE = 4096


def small_pipe():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, 1031, PIPE_SIZE)  # F_SETPIPE_SZ
    return reading, writing


def fill(writing):
    """Leave no room in a pipe."""
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x")
    except BlockingIOError:
        os.set_blocking(writing, True)


class Output(ProgramTest):
    def busy(self, count=400):
        """An agent document, and a schedule whose lines are more than a pipe holds."""
        self.config = self.agent(true=["true"], stops={"grace": "100ms", "steps": [{"run": ["sleep", "100"], "timeout": "1s"}]},
                                 fails=["sh", "-c", "exit 7"], slow=["sh", "-c", "sleep 1; echo done >> %s" % self.path("effects")])
        return self.schedule_file([{"label": "true", "identifier": "%04d" % i + 990 * "x"} for i in range(count)])

    def finish(self, program):
        """Wait for its end without reading what it says."""
        return program.wait(timeout=60 * PATIENCE)

    def test_a_full_disk_under_standard_output_ends_no_task(self):
        tasks = self.busy(5)
        with open("/dev/full", "w") as full:
            result = self.rdvtask("run", "--once", "--config", self.config, tasks, stdout=full)
            self.assertRegex(result.stderr, r"rdvtask: \d+ lines of standard output were lost in all: No space left on device\n$")
            self.assertEqual([outcome for _, outcome in self.outcomes()], 5 * ["succeeded"])
            # How the task ended decides, for `start` too.
            self.rdvtask("start", "--config", self.config, "fails", "f", code=1, stdout=full)
            self.rdvtask("start", "--config", self.config, "slow", "s", stdout=full, stderr=full)
        self.assertEqual(self.outcomes()[-2:], [("f", "failed"), ("s", "succeeded")])

    def test_a_reader_that_has_gone_ends_no_task(self):
        self.busy()
        for verb, agent in (("run", False), ("start", False), ("start", True)):
            with self.subTest(verb, agent=agent):
                if agent:
                    self.wait_for_agent(self.popen("run", "--config", self.config, stdout=subprocess.DEVNULL))
                if verb == "run":
                    self.rdvtask("schedule", "slow", verb)
                reading, writing = os.pipe()
                arguments = ["run", "--once"] if verb == "run" else ["start", "slow", verb]
                program = self.popen(*arguments, "--config", self.config, stdout=writing)
                os.close(writing)
                self.wait_for(lambda: os.read(reading, 1), "its first line")
                os.close(reading)
                error = program.communicate(timeout=60 * PATIENCE)[1]
                self.assertEqual(program.returncode, 0, error)
                self.assertRegex(error, r"lines of standard output were lost in all: Broken pipe\n$")
                self.assertEqual(self.outcomes()[-1], (verb, "succeeded"))

    def test_output_that_nobody_reads_holds_up_nothing(self):
        self.busy()
        # More than the queue holds: each is a line when it is recorded.
        tasks = self.schedule_file([{"label": "true", "identifier": "%04d" % i + 990 * "x", "start": "+1h"} for i in range(2500)])
        for streams in (("stdout",), ("stderr",), ("stdout", "stderr")):
            with self.subTest(streams):
                task = "-".join(streams)
                reading, writing = small_pipe()
                fill(writing)
                self.rdvtask("schedule", "stops", task)
                program = self.popen("run", "--verbose", "--config", self.config, tasks,
                                     **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **dict.fromkeys(streams, writing)})
                self.wait_for_agent(program)
                for _ in range(10):
                    self.rdvtask("reload")
                self.wait_for(lambda: task in dict(self.outcomes()), "its timeout", seconds=20)
                self.assertEqual(dict(self.outcomes())[task], "failed")
                program.send_signal(signal.SIGTERM)
                self.assertEqual(self.finish(program), 0)
                os.close(reading)
                os.close(writing)

    def test_a_stop_does_not_wait_for_a_reader(self):
        self.busy()
        self.rdvtask("schedule", "stops", "x")
        reading, writing = small_pipe()
        fill(writing)
        program = self.popen("run", "--config", self.config, stdout=writing, stderr=writing)
        self.wait_for_agent(program)
        before = time.monotonic()
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(program), 0)
        self.assertLess(time.monotonic() - before, 4 * PATIENCE)
        os.close(reading)
        os.close(writing)

    def test_lines_that_were_lost_are_counted_and_told_once_it_works_again(self):
        self.busy()
        self.rdvtask("schedule", "true", "first")
        # A limit on the size of files stands for a full disk. The log alone is that large.
        file, size = self.write("log", ""), 2 ** 31
        os.truncate(file, size)
        with open(file, "a") as log:
            program = self.popen("run", "--config", self.config, stdout=log, preexec_fn=lambda: limit_file_size(size + 10))
            self.wait_for_agent(program)
            self.wait_for(lambda: self.outcomes() == [("first", "succeeded")], "its outcome")
            limit_file_size(2 * size, program.pid)
            for identifier in ("second", "third"):
                self.rdvtask("schedule", "true", identifier)
                self.wait_for(lambda: (identifier, "succeeded") in self.outcomes(), "its outcome")
            self.assertRegex(self.wait_for_line(program.stderr, "lost"), r"^rdvtask: \d+ lines of standard output were lost here: File too large$")
            program.send_signal(signal.SIGTERM)
            rest = program.communicate(timeout=60 * PATIENCE)[1]
        self.assertEqual(program.returncode, 0)
        self.assertIn("of standard output were lost in all", rest)
        with open(file) as log:
            log.seek(size)
            lines = log.read().splitlines()
        self.assertEqual(len(lines[0]), 10)  # what fitted of a line is a line of its own
        # The outcome is stored before its line is written, which may then find room already.
        rest = lines[2:] if lines[1].endswith(" first true succeeded") else lines[1:]
        self.assertTrue(rest and all(" third " in line or " second " in line for line in rest), lines)

    def test_bursts_are_written_whole(self):
        self.busy()
        tasks = self.schedule_file([{"label": "true", "identifier": "%05d" % i, "start": "-2h", "end": "-1h"} for i in range(20000)],
                                   name="burst.json")
        lines = self.rdvtask("run", "--once", "--config", self.config, tasks, code=1).stdout.splitlines()
        self.assertEqual(sum(" expired" in line for line in lines), 20000)

    def test_both_outputs_stay_in_order_where_they_are_the_same_file(self):
        self.busy()
        self.rdvtask("schedule", "slow", "x")
        with open(self.path("log"), "w") as log:
            program = self.popen("run", "--config", self.config, stdout=log, stderr=subprocess.STDOUT)
            self.wait_for_agent(program)
            for _ in range(20):
                self.rdvtask("reload")
                self.rdvtask("schedule", "true", "y", "--start", "+1h")
            program.send_signal(signal.SIGTERM)
            self.finish(program)
        with open(self.path("log")) as log:
            kinds = [line.split()[1] for line in log if "reloaded" in line or " y " in line]
        self.assertEqual(kinds, 20 * ["reloaded", "y"])

    def test_lines_are_written_promptly(self):
        self.busy()
        program = self.popen("run", "--config", self.config)
        self.wait_for_agent(program)
        self.rdvtask("schedule", "true", "x", "--start", "+1h")
        self.wait_for_line(program.stdout, "x true pending", seconds=5)
        self.wait_until_still(program, 1)
        program.send_signal(signal.SIGTERM)

    def test_a_terminal_that_is_stopped_holds_up_nothing(self):
        self.busy()
        self.rdvtask("schedule", "slow", "x")
        master, slave = pty.openpty()
        program = self.popen("run", "--once", "--config", self.config, stdin=slave, stdout=slave, stderr=slave,
                             env=dict(os.environ, TERM="xterm"), start_new_session=True)
        os.close(slave)
        os.write(master, b"\x13")  # Ctrl-S
        self.assertEqual(self.finish(program), 0)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])
        os.close(master)

    def test_a_pipe_whose_reader_has_gone_is_no_error_of_any_verb(self):
        self.busy()
        self.rdvtask("schedule", "slow", "x", "--start", "+1h")
        self.rdvtask("start", "true", "y", "--config", self.config)
        for arguments in (["list"], ["list", "--json"], ["history"], ["show", "y"], ["explain", "x"], ["schedule", "slow", "z"],
                          ["delete", "z"], ["cancel", "x"], ["pause"], ["resume"], ["validate", self.config], ["--help"], ["--version"],
                          ["help", "run"]):
            with self.subTest(arguments):
                reading, writing = os.pipe()
                os.close(reading)
                self.assertEqual(self.rdvtask(*arguments, stdout=writing).stderr, "")
                os.close(writing)

    def test_a_full_disk_is_an_error_of_each_verb_that_does_nothing_but_write(self):
        self.busy()
        self.rdvtask("schedule", "slow", "x", "--start", "+1h")
        with open("/dev/full", "w") as full:
            for arguments in (["list"], ["list", "--json"], ["show", "x"], ["explain", "x"], ["validate", self.config], ["--help"]):
                with self.subTest(arguments):
                    result = self.rdvtask(*arguments, code=1, stdout=full)
                    self.assertEqual(result.stderr, "rdvtask: cannot write to standard output: No space left on device\n")


class Cancel(ProgramTest):
    def running(self):
        entry, = self.entries("list")
        return entry["state"] == "running" and entry

    def test_a_task_that_fills_the_disk_can_be_cancelled(self):
        agent = self.agent(long=["sleep", "100"])
        for killed in (False, True):
            identifier = "killed" if killed else "goes-on"
            program = self.popen("run", "--config", agent, stdout=subprocess.DEVNULL)
            self.wait_for_agent(program)
            self.rdvtask("schedule", "long", identifier)
            self.wait_for(self.running, "its start")
            limit_file_size(0, program.pid)  # no room for anything
            result = self.rdvtask("cancel", "--json", identifier, code=4)
            self.assertEqual(json.loads(result.stdout), {"identifier": identifier, "state": "running", "cancelling": True, "recorded": False})
            self.assertIn("'%s' is being cancelled, and that is not on disk yet: " % identifier, result.stderr)
            self.assertEqual(self.processes_left(), {})
            self.assertFalse(self.running()["cancelling"], "what is told is what is stored")
            if killed:
                program.kill()
                program.wait()
                program = self.popen("run", "--config", agent, stdout=subprocess.DEVNULL)
                self.wait_for_agent(program)
                # It is not known that it was to end.
                self.wait_for(lambda: self.running()["attempt"] > 1, "its next start")
                self.rdvtask("cancel", identifier)
            else:
                limit_file_size(2 ** 30, program.pid)
            self.wait_for(lambda: (identifier, "cancelled") in self.outcomes(), "its outcome")
            program.terminate()
            self.assertEqual(program.wait(timeout=30 * PATIENCE), 0)


class FirstProcess(ProgramTest):
    def test_orphans_are_reaped_and_signals_are_handed_on(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-p", "-f", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("there can't be another process 1")
        agent = self.agent(orphans=["true"])
        command = self.command("run", "--config", agent)
        outer = subprocess.Popen(["unshare", "-p", "-f", "--mount-proc", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 encoding="utf-8")
        self.programs.append(outer)
        self.wait_for_agent(outer)
        first, = children(outer.pid)
        for _ in range(10):
            subprocess.run(["nsenter", "-t", str(first), "-p", "-m", "sh", "-c", "(sleep 0.1 &)"], check=True)
        program, = [child for child in children(first) if "rdvtask" in command_of(child)]
        self.wait_for(lambda: children(first) == [program], "all orphans to be gone")
        self.rdvtask("start", "orphans", "x")
        os.kill(first, signal.SIGHUP)
        self.wait_for_line(outer.stderr, "reloaded ")
        os.kill(first, signal.SIGTERM)
        outer.communicate(timeout=30 * PATIENCE)
        self.assertEqual(outer.returncode, 0)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_one_that_was_made_a_reaper_is_the_same_and_ends_as_the_program_does(self):
        import ctypes
        reaper = lambda: ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        agent = self.agent(bad=["sh", "-c", "exit 7"], long=["sleep", "100"])
        self.rdvtask("start", "bad", "x", "--config", agent, code=1, preexec_fn=reaper)
        program = self.popen("run", "--config", agent, preexec_fn=reaper)
        self.wait_for_agent(program)
        inner, = children(program.pid)
        os.kill(inner, signal.SIGKILL)
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 128 + signal.SIGKILL)
        program = self.popen("run", "--config", agent, preexec_fn=reaper)
        self.wait_for_agent(program)
        program.kill()
        program.communicate(timeout=30 * PATIENCE)
        self.wait_for(lambda: not self.listens(), "its end")


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(child) for child in file.read().split()]


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().split(b"\0")[0].decode()
    except OSError:
        return ""


class Watch(ProgramTest):
    def setUp(self):
        super().setUp()
        self.program = self.popen("run", "--config", self.agent(true=["true"]), stdout=subprocess.DEVNULL)
        self.wait_for_agent(self.program)

    def watch(self, *arguments, **keywords):
        watch = self.popen("watch", *arguments, **keywords)
        # It listens once a thread of its own waits for signals.
        self.wait_for(lambda: len(os.listdir("/proc/%d/task" % watch.pid)) > 1, "its threads")
        return watch

    def test_it_ends_when_its_reader_goes_with_nothing_to_be_written(self):
        reading, writing = os.pipe()
        watch = self.watch(stdout=writing)
        os.close(writing)
        os.close(reading)
        self.assertEqual((watch.communicate(timeout=30 * PATIENCE)[1], watch.returncode), ("", 0))

    def test_it_ends_when_its_reader_has_gone_before_a_line(self):
        reading, writing = os.pipe()
        os.close(reading)
        watch = self.popen("watch", "--after", "0", "--json", stdout=writing)
        os.close(writing)
        self.assertEqual((watch.communicate(timeout=30 * PATIENCE)[1], watch.returncode), ("", 0))

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            watch = self.watch(stdout=full)
            self.rdvtask("schedule", "true", "x")
            error = watch.communicate(timeout=30 * PATIENCE)[1]
        self.assertEqual(watch.returncode, 1)
        self.assertIn("cannot write to standard output: No space left on device", error)

    def test_one_that_nobody_reads_can_be_ended_and_says_where_to_go_on(self):
        reading, writing = small_pipe()
        fill(writing)
        watch = self.watch("--json", "--after", "0", stdout=writing)
        for identifier in "abc":
            self.rdvtask("start", "true", identifier)
        watch.send_signal(signal.SIGTERM)
        error = watch.communicate(timeout=30 * PATIENCE)[1]
        self.assertIn("'rdvtask watch --after 0' goes on from here", error)
        self.assertEqual(watch.returncode, 0)
        os.close(reading)
        os.close(writing)

    def test_it_loses_nothing(self):
        reading, writing = small_pipe()
        watch = self.watch("--json", stdout=writing)
        os.close(writing)
        tasks = self.schedule_file([{"label": "true", "identifier": "%03d" % i + 900 * "x"} for i in range(80)])
        self.rdvtask("schedule", tasks, stdout=subprocess.DEVNULL)
        # Its reader comes late, but within the half minute after which the agent would hang up.
        late = time.monotonic() + 10
        while len(self.outcomes()) < 80 and time.monotonic() < late:
            time.sleep(0.1)
        data, done = b"", 0
        while done < 80:
            self.assertTrue(select.select([reading], [], [], 30 * PATIENCE)[0], done)
            more = os.read(reading, 65536)
            if not more:
                self.fail("it has ended after %d: %s" % (done, watch.stderr.read()))
            data += more
            done = data.count(b'"outcome":"succeeded"')
        changes = [json.loads(line)["change"] for line in data.splitlines()]
        self.assertEqual(changes, sorted(set(changes)))
        os.close(reading)
        watch.communicate(timeout=30 * PATIENCE)


def limit_file_size(size, pid=0):
    import resource
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


tap.main()
