# SPDX-License-Identifier: MIT
"""`run` as a service: what a service manager is told on NOTIFY_SOCKET, what the journal gets, and the unit that is installed."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

import tap
from program import PATIENCE, RDVTASK, ProgramTest

UNIT = os.environ.get("RDVTASK_UNIT", "")

# Of the manager: these are not to come from where the tests run.
MANAGER = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM")


def environment(**more):
    base = {name: value for name, value in os.environ.items() if name not in MANAGER}
    return dict(base, **more)


class Manager:
    """Plays the part of the service manager: a socket, and all that was said on it, with the times."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.messages = []

    def close(self):
        self.socket.close()

    def listen(self, seconds):
        """Hear one message; None if there is none in that time."""
        self.socket.settimeout(seconds)
        try:
            message = self.socket.recv(65536).decode("utf-8")
        except (socket.timeout, BlockingIOError):
            return None
        fields = [line.split("=", 1) for line in message.split("\n")]
        self.messages.append((time.monotonic(), dict(fields)))
        return self.messages[-1][1]

    def wait(self, name, value=None, seconds=60):
        """Hear until NAME=VALUE comes (a value may be a pattern); returns that message."""
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            message = self.listen(max(0.01, end - time.monotonic()))
            if message and name in message and (value is None or re.search(value, message[name])):
                return message
        raise AssertionError("waited in vain for %s=%s; there was %s" % (name, value, self.messages))

    def drain(self):
        while self.listen(0):
            pass

    def all(self, name):
        return [(at, message[name]) for at, message in self.messages if name in message]


class Service(ProgramTest):
    def manager(self, name=None):
        manager = Manager(name or self.path("notify"))
        self.addCleanup(manager.close)
        return manager

    def service(self, manager, *arguments, config=None, **variables):
        env = environment(**variables)
        if manager:
            env["NOTIFY_SOCKET"] = manager.name
        return self.popen("run", "--config", config or self.agent(true=["true"], sleep=["sleep", "100"]), *arguments,
                          env=env)

    def stop(self, program):
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0, err)
        return out, err

    def rows(self, *tasks):
        return self.schedule_file([dict(zip(("label", "identifier", "start"), task)) for task in tasks])


class Notify(Service):
    def test_ready_comes_once_the_schedule_is_loaded(self):
        manager = self.manager()
        schedule = self.rows(("true", "a", "+1h"), ("true", "b", "+2h"))
        program = self.service(manager, schedule)
        message = manager.wait("READY", "^1$")
        self.assertEqual([entry["identifier"] for entry in self.entries("list")], ["a", "b"])
        self.assertRegex(message["STATUS"], r"^0 running, 2 pending")
        self.assertTrue(os.path.exists(self.store + ".sock"))
        self.stop(program)

    def test_a_name_in_the_abstract_namespace_is_as_good_as_a_path(self):
        manager = self.manager("@rdvtask-test-" + uuid.uuid4().hex)
        program = self.service(manager)
        manager.wait("READY", "^1$")
        self.stop(program)
        manager.wait("STOPPING", "^1$")

    def test_who_does_not_get_ready_says_no_ready(self):
        manager = self.manager()
        program = self.service(manager, config=self.write("wrong.json", "{"))
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 1)
        manager.drain()
        self.assertEqual(manager.messages, [])

    def test_the_status_line_says_what_runs_what_waits_and_what_comes_next(self):
        manager = self.manager()
        program = self.service(manager, self.rows(("sleep", "a"), ("sleep", "b"), ("true", "c", "2999-01-01T00:00:00Z")))
        manager.wait("STATUS", r"^1 running, 2 pending")
        self.stop(program)
        manager = self.manager(self.path("second"))
        later = self.agent("later.json", sleep=["true"])
        program = self.service(manager, config=later)
        manager.wait("STATUS", r"^0 running, 1 pending; next at 2999-01-01T00:00:00Z$")
        self.stop(program)

    def test_the_status_line_is_one_line_and_comes_at_most_once_a_second(self):
        manager = self.manager()
        agent = self.agent(short=["sleep", "0.05"])
        tasks = [{"label": "short", "identifier": "%d" % i} for i in range(20)]
        begin = time.monotonic()
        program = self.service(manager, self.schedule_file(tasks), config=agent)
        manager.wait("STATUS", r"^0 running, 0 pending$")
        took = time.monotonic() - begin
        self.stop(program)
        manager.drain()
        lines = [status for _, status in manager.all("STATUS") if not status.startswith("stopping")]
        self.assertGreaterEqual(len(lines), 2)
        # They were sent a second apart; when each was heard says nothing, but not before it was sent.
        self.assertGreater(took, (len(lines) - 1) * 0.95, lines)
        self.assertEqual([line for line in lines if "\n" in line], [])

    def test_a_status_line_that_stays_the_same_is_not_repeated(self):
        manager = self.manager()
        agent = self.agent(slow=["sh", "-c", "for i in $(seq 25); do echo PROGRESS=$i >&3; sleep 0.1; done"], true=["true"])
        program = self.service(manager, "--once", self.rows(("slow", "a"), ("true", "b")), config=agent)
        out, err = program.communicate(timeout=60 * PATIENCE)
        self.assertGreater(out.count(" applying "), 2, out + err)  # what comes together is one change
        manager.drain()
        lines = [status for _, status in manager.all("STATUS")]
        self.assertTrue([line for line in lines if line.startswith("1 running, 1 pending")], lines)
        self.assertEqual([b for a, b in zip(lines, lines[1:]) if a == b], [])

    def slow_to_end(self):
        """An agent document whose task, once it is told to end, waits for the file `end`."""
        return self.agent(slow={"steps": [{"run": [
            "sh", "-c", "trap 'until [ -e end ]; do sleep 0.03; done; exit 0' TERM; touch started; while :; do sleep 0.03; done"]}],
            "grace": "10m", "directory": self.dir})

    def test_stopping_is_said_before_the_tasks_have_ended(self):
        manager = self.manager()
        program = self.service(manager, self.rows(("slow", "a")), config=self.slow_to_end())
        self.wait_for_file("started")
        program.send_signal(signal.SIGTERM)
        message = manager.wait("STOPPING", "^1$")
        self.assertIsNone(program.poll())
        self.assertRegex(message["STATUS"], "stopping")
        self.write("end", "")
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0)
        manager.drain()
        self.assertEqual(len(manager.all("STOPPING")), 1)
        self.assertNotIn("READY", manager.messages[-1][1])

    def test_while_it_stops_the_manager_is_asked_to_wait_on(self):
        manager = self.manager()
        program = self.service(manager, self.rows(("slow", "a")), config=self.slow_to_end())
        self.wait_for_file("started")
        program.send_signal(signal.SIGTERM)
        more = int(manager.wait("STOPPING", "^1$")["EXTEND_TIMEOUT_USEC"]) / 1e6
        begin = time.monotonic()
        manager.wait("EXTEND_TIMEOUT_USEC")
        self.assertLess(time.monotonic() - begin, more, "the manager would have killed it")
        self.write("end", "")
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0)

    def test_reloading_is_said_and_when_and_then_ready_again(self):
        manager = self.manager()
        agent = self.agent(true=["true"])
        program = self.service(manager, "--max-running", "2", config=agent)
        manager.wait("READY", "^1$")
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        program.send_signal(signal.SIGHUP)
        at = int(manager.wait("RELOADING", "^1$")["MONOTONIC_USEC"]) / 1e6
        self.assertTrue(before - 0.001 <= at <= time.clock_gettime(time.CLOCK_MONOTONIC))
        manager.wait("READY", "^1$")
        self.stop(program)

    def test_a_reload_that_is_refused_ends_with_ready_too(self):
        manager = self.manager()
        agent = self.agent(true=["true"])
        program = self.service(manager, config=agent)
        manager.wait("READY", "^1$")
        self.write("agent.json", "{")
        program.send_signal(signal.SIGHUP)
        manager.wait("RELOADING", "^1$")
        manager.wait("READY", "^1$")
        _, err = self.stop(program)
        self.assertIn("agent.json", err)

    def test_nothing_is_said_by_the_other_verbs(self):
        manager = self.manager()
        env = environment(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="100000")
        agent = self.agent(true=["true"])
        self.rdvtask("schedule", "true", "a", env=env)
        self.rdvtask("start", "--config", agent, "true", "b", env=env)
        self.rdvtask("list", env=env)
        manager.drain()
        self.assertEqual(manager.messages, [])

    def test_no_task_hears_of_the_socket(self):
        manager = self.manager()
        agent = self.agent(env=["sh", "-c", "env > %s; ls -l /proc/self/fd >> %s" % (self.path("env"), self.path("env"))])
        program = self.service(manager, "--once", self.rows(("env", "a")), config=agent, WATCHDOG_USEC="60000000")
        program.communicate(timeout=30 * PATIENCE)
        with open(self.path("env")) as file:
            text = file.read()
        self.assertIn("RDV_IDENTIFIER=a", text)
        for name in MANAGER:
            self.assertNotIn(name, text)
        self.assertNotIn("socket:", text)

    def test_a_manager_that_is_gone_or_does_not_read_holds_up_nothing(self):
        for what in ("gone", "deaf", "never there", "no name", "too long"):
            with self.subTest(what):
                store = ["--store", self.path(what.replace(" ", "-") + ".db")]
                manager = Manager(self.path("notify-" + what[:4]))
                if what == "deaf":
                    full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    full.setblocking(False)
                    try:
                        while True:
                            full.sendto(b"x", manager.name)
                    except BlockingIOError:
                        pass
                    full.close()
                else:
                    manager.close()
                if what == "never there":
                    manager.name = self.path("other")
                elif what == "no name":
                    manager.name = "notify"
                elif what == "too long":
                    manager.name = "/" + 200 * "x"
                program = self.service(manager, "--once", *store, self.rows(("true", "a"), ("true", "b")))
                _, err = program.communicate(timeout=30 * PATIENCE)
                self.assertEqual(program.returncode, 0, err)
                if what == "deaf":
                    self.assertEqual(err, "")
                    manager.close()
                else:
                    self.assertEqual(len(re.findall("NOTIFY_SOCKET", err)), 1, err)

    def test_ready_reaches_a_manager_that_had_no_room_for_it(self):
        manager = self.manager()
        full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        full.setblocking(False)
        try:
            while True:
                full.sendto(b"x=x", manager.name)
        except BlockingIOError:
            pass
        full.close()
        agent = self.agent(touch=["touch", self.path("done")])
        program = self.service(manager, self.rows(("touch", "a")), config=agent)
        self.wait_for_file("done")
        manager.wait("READY", "^1$")
        self.stop(program)


class Watchdog(Service):
    def test_it_is_told_at_half_the_time_that_it_gives(self):
        manager = self.manager()
        begin = time.monotonic()
        program = self.service(manager, WATCHDOG_USEC="400000")
        for _ in range(6):
            manager.wait("WATCHDOG", "^1$")
        self.assertGreater(time.monotonic() - begin, 5 * 0.2 * 0.95)
        # A slow machine makes some of them late, but not all.
        while min(later - earlier for (earlier, _), (later, _) in zip(manager.all("WATCHDOG"), manager.all("WATCHDOG")[1:])) > 0.3:
            self.assertLess(time.monotonic() - begin, 30 * PATIENCE, "it is told less often")
            manager.wait("WATCHDOG", "^1$")
        self.stop(program)

    def test_a_loop_that_is_stuck_is_noticed(self):
        manager = self.manager()
        program = self.service(manager, WATCHDOG_USEC="400000")
        manager.wait("WATCHDOG")
        program.send_signal(signal.SIGSTOP)
        while manager.listen(0.3):
            pass
        self.assertIsNone(manager.listen(0.6))
        program.send_signal(signal.SIGCONT)
        manager.wait("WATCHDOG")
        self.stop(program)

    def test_without_one_nobody_is_told(self):
        all_at_once, agent = [], self.agent(true=["true"])
        for variables in ({}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"},
                          {"WATCHDOG_USEC": "99999999999999999999"}, {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}):
            name = "notify-%d" % len(all_at_once)
            manager = self.manager(self.path(name))
            program = self.service(manager, "--store", self.path(name + ".db"), config=agent, **variables)
            all_at_once.append((variables, manager, program))
        for _, manager, _ in all_at_once:
            manager.wait("READY")
        time.sleep(0.4)
        for variables, manager, program in all_at_once:
            with self.subTest(variables):
                self.assertIsNone(manager.listen(0))
                self.stop(program)

    def test_one_that_is_meant_for_this_process_is_told(self):
        manager = self.manager()
        # The shell becomes the program, so its number is the program's.
        program = subprocess.Popen(
            ["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"] +
            self.command("run", "--config", self.agent(true=["true"])),
            env=environment(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="400000"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        self.programs.append(program)
        manager.wait("WATCHDOG")
        self.stop(program)


class Idle(Service):
    def still(self, manager):
        agent = self.agent(touch=["touch", self.path("done")])
        program = self.service(manager, self.rows(("touch", "a"), ("touch", "b", "+1h")), config=agent)
        self.wait_for_file("done")
        if manager:
            manager.wait("STATUS", "^0 running, 1 pending")  # which may come a second later
        self.wait_until_still(program, 3)
        self.stop(program)

    def test_it_does_not_wake_up_when_nobody_is_to_be_told(self):
        self.still(None)

    def test_it_does_not_wake_up_between_changes_when_somebody_is(self):
        self.still(self.manager())


class Journal(Service):
    def with_stderr(self, *arguments, journal=True, stream=None, code=0, config=None):
        """Run with stderr going to a file; `journal` = say that it is the journal. Returns its lines."""
        file = open(self.path("stderr"), "w+b")
        status = os.fstat(file.fileno())
        env = environment()
        if journal:
            env["JOURNAL_STREAM"] = stream or "%d:%d" % (status.st_dev, status.st_ino)
        program = self.popen(*arguments, stderr=file, env=env)
        program.wait(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, code)
        file.seek(0)
        lines = file.read().decode().splitlines()
        file.close()
        return lines

    def test_each_line_begins_with_how_grave_it_is(self):
        agent = self.agent(false=["false"])
        lines = self.with_stderr("run", "--once", "--verbose", "--config", agent, self.rows(("false", "a")), code=1)
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^<[3-7]>\S")
        self.assertTrue([line for line in lines if line.startswith("<5>1 did not succeed")], lines)

    def test_errors_are_errors(self):
        lines = self.with_stderr("run", "--config", self.write("wrong.json", "{"), code=1)
        self.assertEqual([line[:3] for line in lines], ["<3>"] * len(lines))
        lines = self.with_stderr("run", "--nonsense", code=64)
        self.assertEqual([line[:3] for line in lines], ["<3>"] * 2)

    def test_what_the_library_warns_of_is_a_warning(self):
        agent = self.agent(echo=["echo", "hello"])
        os.mkdir(self.store + ".log.d", 0o700)
        # A folder where the file of the first run's output should be.
        os.makedirs(os.path.join(self.store + ".log.d", "1.log", "x"))
        lines = self.with_stderr("run", "--once", "--config", agent, self.rows(("echo", "a")))
        self.assertTrue([line for line in lines if line.startswith("<4>")], lines)

    def test_the_name_of_the_program_is_left_to_the_journal(self):
        agent = self.agent(true=["true"])
        self.assertNotIn("rdvtask: ", "".join(self.with_stderr("run", "--once", "--config", agent)))
        self.assertIn("rdvtask: ", "".join(self.with_stderr("run", "--once", "--config", agent, journal=False)))

    def test_a_variable_that_names_another_stream_means_nothing(self):
        agent = self.agent(true=["true"])
        for stream in ("1:2", "", "x", "1", "1:", "-1:-2", "%d:%s" % (os.stat(self.dir).st_dev, "9" * 30)):
            with self.subTest(stream):
                lines = self.with_stderr("run", "--once", "--config", agent, stream=stream or " ")
                self.assertTrue(lines and all(line.startswith("rdvtask: ") for line in lines), lines)


class Unit(unittest.TestCase):
    def setUp(self):
        if not UNIT or not os.path.exists(UNIT):
            self.skipTest("RDVTASK_UNIT does not name the unit that was built")
        with open(UNIT) as file:
            self.text = file.read()

    def settings(self):
        return [line.split("=", 1) for line in self.text.splitlines() if re.match(r"^[A-Z]\w+=", line)]

    def analyze(self, *arguments):
        """Run systemd-analyze on a copy of the unit that names the program that was built."""
        tool = shutil.which("systemd-analyze")
        if not tool:
            self.skipTest("there is no systemd-analyze on this machine")
        with tempfile.TemporaryDirectory(prefix="rdvtask-unit-") as folder:
            path = os.path.join(folder, "rdvtask.service")
            with open(path, "w") as file:
                file.write(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=" + os.path.abspath(RDVTASK), self.text))
            done = subprocess.run([tool] + [argument.replace("UNIT", path) for argument in arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                                  env=environment(SYSTEMD_PAGER="cat", SYSTEMD_LOG_TARGET="console"))
        return done

    def test_systemd_finds_nothing_wrong_with_it(self):
        done = self.analyze("verify", "--man=no", "UNIT")
        about_us = [line for line in done.stdout.splitlines() if "rdvtask" in line]
        self.assertEqual((about_us, done.returncode), ([], 0), done.stdout)

    def test_systemd_knows_how_exposed_it_is(self):
        done = self.analyze("security", "--offline=yes", "--no-pager", "UNIT")
        if "unrecognized option" in done.stdout:
            self.skipTest("this systemd-analyze can't look at a unit that is not loaded")
        self.assertEqual(done.returncode, 0, done.stdout)
        exposure = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
        self.assertTrue(exposure, done.stdout)
        # What installs packages must be able to change the machine: this only sees that nothing was lost on the way.
        self.assertLess(float(exposure.group(1)), 9.4)

    def test_it_names_the_installed_program_and_nothing_is_left_to_fill_in(self):
        values = dict(self.settings())
        self.assertTrue(values["ExecStart"].startswith("/"))
        self.assertEqual(os.path.basename(values["ExecStart"].split()[0]), "rdvtask")
        self.assertNotRegex(self.text, r"@\w+@")

    def test_what_it_starts_is_a_command_line_that_the_program_takes(self):
        words = dict(self.settings())["ExecStart"].split()
        options = [word for word in words[1:] if word.startswith("--")]
        known = subprocess.run([RDVTASK, "run", "--help"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        for option in options:
            self.assertIn(option + " ", known)

    def test_what_would_break_updates_is_not_in_it(self):
        names = {name for name, _ in self.settings()}
        for name in ("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "NoNewPrivileges", "RestrictSUIDSGID",
                     "ReadOnlyPaths", "MemoryDenyWriteExecute", "SystemCallArchitectures", "ProtectKernelModules", "User"):
            self.assertNotIn(name, names)

    def test_each_setting_has_a_reason_beside_it(self):
        lines = self.text.splitlines()
        section = lines.index("[Service]")
        for number, line in enumerate(lines[section + 1:], section + 1):
            if line.startswith("["):
                break
            if re.match(r"^[A-Z]\w+=", line):
                above = [i for i in range(number, section, -1) if not lines[i - 1] or lines[i - 1].startswith("#")][0]
                self.assertTrue(lines[above - 1].startswith("#"), line)


if __name__ == "__main__":
    tap.main()
