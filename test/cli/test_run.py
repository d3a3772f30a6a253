# SPDX-License-Identifier: MIT
"""The verb run: what is run and in which order, what is printed, how it ends, and what a kill leaves behind."""
import datetime
import fcntl
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

import tap
from program import PATIENCE, RDVTASK, ProgramTest, marked_processes, moment, sanitized

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\S+) (\S+) ([a-z-]+)(?: (\d+)%)?(?: (.*))?$")


def after(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Once(ProgramTest):
    def test_every_task_is_run_and_success_is_0(self):
        agent = self.agent(touch=["sh", "-c", "touch %s/$RDV_IDENTIFIER" % self.dir])
        self.rdvtask("run", "--once", "--config", agent,
                     self.schedule_file([{"label": "touch", "identifier": "a"}, {"label": "touch", "identifier": "b"}]))
        self.assertTrue(os.path.exists(self.path("a")) and os.path.exists(self.path("b")))
        self.assertEqual(self.outcomes(), [("a", "succeeded"), ("b", "succeeded")])
        self.assertEqual(self.entries("list"), [])

    def test_a_task_that_fails_makes_it_1(self):
        agent = self.agent(false=["false"], true=["true"])
        result = self.rdvtask("run", "--once", "--config", agent, code=1, *[
            self.schedule_file([{"label": "false", "identifier": "a"}, {"label": "true", "identifier": "b"}])])
        self.assertEqual(self.outcomes(), [("a", "failed"), ("b", "succeeded")])
        self.assertIn("1 did not succeed", result.stderr)

    def test_with_nothing_to_do_it_is_0(self):
        agent = self.agent(true=["true"])
        result = self.rdvtask("run", "--once", "--config", agent)
        self.assertEqual(result.stdout, "")
        self.assertIn("nothing is scheduled", result.stderr)
        self.rdvtask("run", "--once", "--config", agent, self.schedule_file([]))

    def test_on_a_paused_store_it_waits_and_says_how_tasks_start_again(self):
        agent = self.agent(true=["true"])
        self.rdvtask("pause")
        self.rdvtask("schedule", "true", "x")
        for options in ([], ["--quiet"]):
            program = self.popen("run", "--once", "--config", agent, *options)
            if not options:
                self.wait_for_line(program.stderr, "paused: 'rdvtask resume' starts tasks again")
            self.wait_for_agent(program)
            self.rdvtask("resume")
            _, err = program.communicate(timeout=30 * PATIENCE)
            self.assertEqual((program.returncode, err), (0, ""))
            self.rdvtask("pause")
            self.rdvtask("schedule", "true", "x")

    def test_what_was_recorded_before_is_run(self):
        agent = self.agent(true=["true"])
        self.rdvtask("schedule", "true", "x")
        self.rdvtask("run", "--once", "--config", agent)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])
        self.rdvtask("run", "--once", "--config", agent)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_the_earliest_deadline_is_first_whatever_the_order_of_files(self):
        agent = self.agent(true=["true"])
        order = list(range(40))
        random.Random(7).shuffle(order)
        tasks = [{"label": "true", "identifier": "%02d" % i, "deadline": "2999-01-01T00:%02d:00Z" % i} for i in order]
        self.rdvtask("run", "--once", "-q", "--config", agent, self.schedule_file(tasks[:20], "1.json"),
                     self.schedule_file(tasks[20:] + [{"label": "true", "identifier": "99"}], "2.json"))
        self.assertEqual([identifier for identifier, _ in self.outcomes()], ["%02d" % i for i in range(40)] + ["99"])

    def test_max_running_lets_that_many_run_at_once(self):
        agent = self.agent(meet=["sh", "-c", "touch %s/$RDV_IDENTIFIER; while [ ! -e %s/a ] || [ ! -e %s/b ]; do sleep "
                                             "0.01; done" % (self.dir, self.dir, self.dir)])
        tasks = self.schedule_file([{"label": "meet", "identifier": name} for name in "ab"])
        self.rdvtask("run", "--once", "--config", agent, "--max-running", "2", tasks)

    def test_it_waits_for_a_window_that_opens_later(self):
        agent = self.agent(true=["true"])
        opens = after(1.2)
        self.rdvtask("run", "--once", "--config", agent,
                     self.schedule_file([{"label": "true", "identifier": "x", "start": opens}]))
        entry, = self.history()
        self.assertEqual(moment(entry["start"]), moment(opens))
        self.assertGreaterEqual(moment(entry["started_at"]), moment(entry["start"]))
        self.assertLessEqual(moment(entry["started_at"]), moment(after(0.000001)))

    def test_a_window_that_has_passed_expires_and_makes_it_1(self):
        agent = self.agent(true=["true"])
        self.rdvtask("run", "--once", "--config", agent, code=1,
                     *[self.schedule_file([{"label": "true", "identifier": "x", "start": "-2h", "end": "-1h"}])])
        entry, = self.history()
        self.assertEqual((entry["outcome"], entry["status"], entry["started_at"]), ("expired", "timeout", None))

    def test_until_ends_it_in_order_and_leaves_the_rest(self):
        agent = self.agent(true=["true"])
        self.rdvtask("schedule", "true", "now")
        self.rdvtask("run", "--once", "--until", after(1800 * PATIENCE), "--config", agent)
        self.assertEqual(self.outcomes(), [("now", "succeeded")])
        self.rdvtask("schedule", "true", "later", "--start", "+1h")
        for once in ([], ["--once"]):
            begin = time.monotonic()
            self.rdvtask("run", *once, "--until", "+500ms", "--config", agent)
            self.assertGreater(time.monotonic() - begin, 0.45)
        self.assertEqual([entry["identifier"] for entry in self.entries("list")], ["later"])
        self.assertEqual(self.outcomes(), [("now", "succeeded")])

    def test_a_label_without_a_handler_fails_with_words(self):
        agent = self.agent(true=["true"])
        self.rdvtask("run", "--once", "--config", agent, code=1, *[self.schedule_file([{"label": "other", "identifier": "x"}])])
        entry, = self.history()
        self.assertEqual(entry["outcome"], "failed")
        self.assertIn("other", entry["message"])

    def test_a_run_limit_ends_a_task_as_timed_out(self):
        agent = self.agent(sleep=["sleep", "100"])
        self.rdvtask("run", "--once", "--config", agent, "--run-limit", "300ms", code=1,
                     *[self.schedule_file([{"label": "sleep", "identifier": "x"}])])
        entry, = self.history()
        self.assertEqual((entry["outcome"], entry["status"]), ("timed-out", "timeout"))

    def test_exit_code_75_is_tried_again(self):
        agent = self.agent(busy=[{"run": ["sh", "-c", "[ $RDV_ATTEMPT -ge 3 ] || exit 75"], "retries": 3,
                                  "retry_delay": "50ms"}])
        self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "busy", "identifier": "x"}]))
        entry, = self.history()
        self.assertEqual((entry["outcome"], entry["attempt"]), ("succeeded", 3))

    def test_notices_and_context_reach_the_history(self):
        agent = self.agent(talk=["sh", "-c", r"cat; printf 'STATUS=downloading\nPROGRESS=42\nMESSAGE=caf\303\251\n' >&3"])
        self.rdvtask("run", "--once", "--config", agent,
                     self.schedule_file([{"label": "talk", "identifier": "x", "context": {"json": {"a": [1, 2]}}}]))
        entry, = self.history()
        self.assertIn((42, "caf\u00e9", "downloading"), [(c["progress"], c["message"], c["status"]) for c in entry["changes"]])
        self.assertIn('  | {"a":[1,2]}', self.rdvtask("show", "x").stdout)

    def test_words_of_a_task_are_only_words(self):
        words = "the task agent 'x' has shut down by itself, and its clock is not synchronised"
        agent = self.agent(talk=["sh", "-c", "printf 'STATUS=%s\\n' \"$1\" >&3", "sh", words])
        result = self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "talk", "identifier": words}]))
        self.assertIn("a step can't say STATUS=", result.stderr)
        self.assertNotIn("--clock-wait", result.stderr)
        self.assertEqual(self.outcomes(), [(words, "succeeded")])

    def test_output_with_control_characters_is_escaped_when_shown(self):
        agent = self.agent(evil=["printf", r"\033[2Jgone\r\nnext\377"])
        self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "evil", "identifier": "x"}]))
        out = self.rdvtask("show", "x").stdout
        self.assertNotIn("\x1b", out)
        self.assertIn("  | \\e[2Jgone\n  | next\\xff\n", out)

    def test_without_an_agent_document_it_says_what_to_do(self):
        result = self.rdvtask("run", "--config", self.path("agent.json"), code=1)
        self.assertIn("agent.json", result.stderr)
        self.assertIn("rdvtask-agent(5)", result.stderr)

    def test_nothing_is_done_if_a_document_is_wrong(self):
        agent, good = self.agent(true=["true"]), self.schedule_file([{"label": "true"}], "good.json")
        bad = self.write("bad.json", '{"tasks":[{"label":1}]}')
        result = self.rdvtask("run", "--once", "--config", agent, good, bad, code=1)
        self.assertRegex(result.stderr, r"^%s:1:20 tasks\[0\]\.label: .+\n$" % bad)
        self.assertIn("schedule document", self.rdvtask("run", "--config", good, code=1).stderr)
        self.assertIn("agent document", self.rdvtask("run", "--config", agent, agent, code=1).stderr)
        self.assertIn("missing.json", self.rdvtask("run", "--config", self.path("missing.json"), code=1).stderr)
        self.assertFalse(os.path.exists(self.store))

    def test_the_full_output_is_kept_in_a_folder_beside_the_store(self):
        agent = self.agent(echo=["echo", "hello"])
        self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "echo"}]))
        folder = self.store + ".log.d"
        contents = [open(os.path.join(folder, name)).read() for name in os.listdir(folder) if name.endswith(".log")]
        self.assertEqual(len(contents), 1)
        self.assertIn("hello\n", contents[0])


class Output(ProgramTest):
    def run_once(self, *arguments, code=0):
        agent = self.agent(work=[{"status": "downloading", "run": ["sh", "-c", r"printf 'PROGRESS=50\nMESSAGE=half\n' >&3"]}])
        return self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "work", "identifier": "x"}]),
                            *arguments, code=code)

    def test_without_a_terminal_there_is_a_line_a_change(self):
        lines = self.run_once().stdout.splitlines()
        fields = [LINE.match(line).groups() for line in lines]
        self.assertEqual([field[:2] for field in fields], [("x", "work")] * len(fields))
        self.assertEqual([field[2] for field in fields if field[2] != "downloading"], ["pending", "running", "succeeded"])
        self.assertIn(("x", "work", "downloading", "50", "half"), fields)

    def test_json_is_one_object_a_line(self):
        entries = [json.loads(line) for line in self.run_once("--json").stdout.splitlines()]
        self.assertEqual([entry["state"] for entry in entries][:2], ["pending", "running"])
        self.assertEqual(entries[-1]["outcome"], "succeeded")
        changes = [entry["change"] for entry in entries]
        self.assertEqual(changes, sorted(set(changes)))

    def test_each_printed_end_is_what_the_history_says(self):
        entry = json.loads(self.run_once("--json").stdout.splitlines()[-1])
        stored, = self.history()
        del stored["changes"]
        self.assertEqual(entry, stored)

    def test_quiet_says_nothing_but_errors(self):
        result = self.run_once("--quiet")
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_verbose_tells_more_on_standard_error(self):
        self.assertNotEqual(self.run_once("--verbose").stderr, "")


class Signals(ProgramTest):
    def start_sleeping(self, *options, grace="1s", before=":", command="exec sleep 100", **keywords):
        agent = self.agent(sleep={"grace": grace, "steps": [
            {"run": ["sh", "-c", "%s; echo $RDV_ATTEMPT >> %s; %s" % (before, self.path("started"), command)]}]})
        self.rdvtask("schedule", "sleep", "x")
        program = self.popen("run", "--config", agent, *options, **keywords)
        self.wait_for_file("started")
        return program

    def end(self, program):
        out, err = program.communicate(timeout=30 * PATIENCE)
        return program.returncode, out, err

    def test_a_first_one_ends_it_in_order_and_the_task_is_taken_up_again(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                program = self.start_sleeping()
                program.send_signal(number)
                code, _, err = self.end(program)
                self.assertEqual(code, 0, err)
                self.assertIn("once more", err)
                self.assertEqual(self.processes_left(), {})
                self.assertEqual([(e["identifier"], e["state"]) for e in self.entries("list")], [("x", "running")])
                self.rdvtask("run", "--once", "--config", self.agent(sleep=["true"]))
                self.assertEqual(self.outcomes(), [("x", "succeeded")])
                for name in ("started", "store.db"):
                    os.remove(self.path(name))

    def test_with_once_an_interruption_is_130(self):
        program = self.start_sleeping("--once")
        program.send_signal(signal.SIGINT)
        self.assertEqual(self.end(program)[0], 130)

    def test_a_second_one_ends_it_at_once(self):
        program = self.start_sleeping(grace="10m", before="trap '' TERM", command="sleep 1000 & wait; wait; sleep 1000")
        program.send_signal(signal.SIGTERM)
        self.wait_for_line(program.stderr, "once more")
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(program)[0], 130)
        self.assertEqual(self.processes_left(), {})
        self.assertEqual([e["state"] for e in self.entries("list")], ["running"])

    def test_a_hangup_reloads_the_document_and_a_broken_one_changes_nothing(self):
        program = self.start_sleeping()
        for content, says in (('{"handlers":[{"label":"a"}]}', "agent.json:1:14 handlers[0]: "),
                              ('{"handlers":[]}', "reloaded ")):
            self.write("agent.json", content)
            program.send_signal(signal.SIGHUP)
            self.wait_for_line(program.stderr, says)
        self.assertEqual([e["state"] for e in self.entries("list")], ["running"])
        program.terminate()
        self.assertEqual(self.end(program)[0], 0)

    def test_ignored_signals_stay_ignored(self):
        program = self.start_sleeping(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        program.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertIsNone(program.poll())
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(program)[0], 0)

    def starting(self, *arguments, **keywords):
        """One that waits for the store, which a verb has as far as it can see."""
        self.rdvtask("schedule", "a", "later", "--start", "+1h")
        lock = open(self.store + ".lock", "r+")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(lock.close)
        program = self.popen("run", "--config", self.agent(a=["true"]), *arguments, **keywords)
        # It looks for the lock again and again: then it sleeps between two looks.
        self.wait_for(lambda: self.sleeps(program.pid), "its waiting")
        return program, lock

    @staticmethod
    def sleeps(pid):
        with open("/proc/%d/wchan" % pid) as file:
            return "poll" in file.read()

    def test_a_hangup_before_it_runs_is_done_once_it_does(self):
        program, lock = self.starting()
        program.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        self.assertIsNone(program.poll())
        lock.close()
        self.wait_for_line(program.stderr, "reloaded ")
        program.terminate()
        self.assertEqual(self.end(program)[0], 0)

    def test_a_hangup_that_is_ignored_is_so_before_it_runs_too(self):
        program, lock = self.starting(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        program.send_signal(signal.SIGHUP)
        lock.close()
        self.wait_for_agent(program)
        program.terminate()
        code, _, err = self.end(program)
        self.assertEqual(code, 0)
        self.assertNotIn("reloaded", err)

    def test_a_stop_before_it_runs_ends_it_at_once(self):
        program, lock = self.starting()
        program.terminate()
        self.assertEqual(self.end(program)[0], -signal.SIGTERM)
        lock.close()

    def test_a_limit_on_the_size_of_files_ends_neither_it_nor_its_task(self):
        # The log of a run is the first to be too large.
        agent = self.agent(big=["sh", "-c", "echo x >> %s; head -c 900000 /dev/zero | tr '\\\\0' x" % self.path("effects")])
        self.rdvtask("schedule", "big", "B")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500 * 1024, resource.RLIM_INFINITY))
        result = self.rdvtask("run", "--once", "--config", agent, preexec_fn=limit)
        self.assertIn("no space left on the disk", result.stderr)
        self.assertEqual(self.outcomes(), [("B", "succeeded")])
        with open(self.path("effects")) as file:
            self.assertEqual(file.read(), "x\n")

    def test_a_task_has_all_signals_by_default(self):
        def ignore_and_block():
            for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXFSZ, signal.SIGUSR2])
        for stop in ("kill", "leave"):  # the supervisor's two ways
            agent = self.agent(look={"on_stop": stop, "steps": [{"run": ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"]}]})
            self.rdvtask("start", "look", stop, "--config", agent, preexec_fn=ignore_and_block)
            output = self.entries("show", stop)["output"]
            self.assertEqual(re.findall(r"Sig(\w+):\s+(\w+)", output), [("Blk", "0" * 16), ("Ign", "0" * 16)])

    def test_while_it_runs_there_is_no_other(self):
        program = self.start_sleeping()
        err = self.rdvtask("run", "--once", "--config", self.path("agent.json"), code=75).stderr
        self.assertIn("rdvtask run", err)
        self.assertIn(str(program.pid), err)
        program.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(program)[0], 0)

    def test_a_running_task_is_busy(self):
        program = self.start_sleeping()
        self.assertIn("'x' is running", self.rdvtask("delete", "x", code=75).stderr)
        program.kill()
        program.wait()
        self.rdvtask("schedule", "a", "x", code=75)
        self.rdvtask("schedule", self.schedule_file([{"label": "a", "identifier": "new"}, {"label": "a", "identifier": "x"}]),
                     code=75)
        self.assertEqual([e["identifier"] for e in self.entries("list")], ["x"])
        self.rdvtask("delete", "x")

    def test_a_task_that_nobody_runs_is_ended_by_cancel_and_delete(self):
        for verb, word in (("cancel", "cancelled"), ("delete", "deleted")):
            program = self.start_sleeping()
            program.kill()
            program.wait()
            # One in the middle of exec() shows no environment for a moment.
            self.wait_for(lambda: marked_processes(self.mark), "what is left of the task")
            self.assertEqual(self.rdvtask(verb, "x").stdout, word + " x\n")
            self.assertEqual(self.processes_left(), {})
            self.assertEqual(self.outcomes()[0], ("x", "cancelled"))
            self.rdvtask(verb, "x", code=2)
            self.rdvtask("run", "--once", "--config", self.path("agent.json"))  # nothing is left to be done
            os.unlink(self.path("started"))

    def test_what_is_left_of_a_task_whose_label_has_gone_is_ended(self):
        program = self.start_sleeping()
        program.kill()
        program.wait()
        other = self.agent(name="other.json", other=["true"])
        self.assertIn("no handler is configured for the label", self.rdvtask("run", "--once", "--config", other, code=1).stdout)
        self.assertEqual(self.processes_left(), {})
        self.assertEqual(self.outcomes(), [("x", "failed")])

    def test_nothing_runs_nothing_wakes(self):
        with open(RDVTASK, "rb") as file:
            if b"__tsan_init" in file.read():
                self.skipTest("the thread sanitizer has a thread of its own that wakes up")
        agent = self.agent(true=["true"])
        self.rdvtask("schedule", "true", "x", "--start", "+1h")
        program = self.popen("run", "--config", agent)
        self.wait_for_agent(program)
        self.wait_until_still(program, 2)
        program.terminate()
        self.assertEqual(self.end(program)[0], 0)


class Clock(ProgramTest):
    """A machine that has just started and whose clock nobody has set yet."""
    SHIM = r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <sys/timex.h>
        #include <time.h>
        int adjtimex(struct timex *state) { (void)state; return TIME_ERROR; }
        int clock_gettime(clockid_t id, struct timespec *time)
        {
            static time_t first;
            int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            const int result = real(id, time);
            if (id == CLOCK_BOOTTIME) {
                first = first ? first : time->tv_sec;
                time->tv_sec -= first - 1;
            }
            return result;
        }
        """

    def setUp(self):
        super().setUp()
        compiler = shutil.which("cc")
        if not compiler or sanitized():
            self.skipTest("no system can be played to a program with sanitizers" if compiler else "there is no C compiler")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.path("shim.so"), self.write("shim.c", self.SHIM), "-ldl"],
                       check=True)
        self.environment = dict(os.environ, LD_PRELOAD=self.path("shim.so"))

    def test_while_the_clock_is_not_set_nothing_starts_and_the_way_out_is_told(self):
        agent = self.agent(true=["true"])
        begin = time.monotonic()
        result = self.rdvtask("run", "--clock-wait", "3s", "--once", "--quiet", "--config", agent,
                              self.schedule_file([{"label": "true", "identifier": "x"}]), env=self.environment)
        self.assertGreater(time.monotonic() - begin, 1)
        self.assertIn("clock is not synchronised", result.stderr)
        self.assertEqual(result.stderr.count("--clock-wait 0"), 1)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_no_waiting_for_the_clock_is_possible(self):
        result = self.rdvtask("start", "true", "x", "-q", "--config", self.agent(true=["true"]), env=self.environment)
        self.assertEqual(result.stderr, "")


class Logs(ProgramTest):
    """What lies in a log's place, and is none of ours, does not get the output, nor hold anything up."""

    def setUp(self):
        super().setUp()
        self.logs = self.store + ".log.d"
        os.mkdir(self.logs, 0o700)

    def run_one(self):
        agent = self.agent(say=["echo", "secret"])
        result = self.rdvtask("run", "--once", "--config", agent, self.schedule_file([{"label": "say", "identifier": "x"}]))
        self.assertEqual(self.outcomes(), [("x", "succeeded")])
        return result.stderr

    def log(self, name="1.log"):
        return os.path.join(self.logs, name)

    def assert_refused(self):
        self.assertIn("'1.log' is there already, and is not a regular file that is ours alone", self.run_one())
        self.assertTrue(os.path.lexists(self.log()))

    def test_a_log_is_ours_alone(self):
        self.run_one()
        status = os.stat(self.log())
        self.assertEqual((status.st_mode & 0o7777, status.st_nlink, status.st_size), (0o600, 1, 7))

    def test_a_fifo_is_refused(self):
        os.mkfifo(self.log())
        self.assert_refused()

    def test_a_symbolic_link_is_refused(self):
        os.symlink(self.path("target"), self.log())
        self.assert_refused()
        self.assertFalse(os.path.exists(self.path("target")))

    def test_a_second_name_of_another_file_is_refused(self):
        os.link(self.write("other", "words"), self.log())
        self.assert_refused()
        with open(self.path("other"), encoding="ascii") as other:
            self.assertEqual(other.read(), "words")

    def test_a_file_that_others_may_write_to_is_refused(self):
        with open(self.log(), "w", encoding="ascii"):
            os.chmod(self.log(), 0o666)
        self.assert_refused()

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file away")
    def test_a_file_of_another_user_is_refused(self):
        with open(self.log(), "w", encoding="ascii"):
            os.chown(self.log(), 65534, 65534)
        self.assert_refused()

    def test_a_folder_that_others_may_write_in_is_not_used(self):
        os.chmod(self.logs, 0o777)
        self.assertIn("everybody may write to the folder", self.run_one())
        self.assertEqual(os.listdir(self.logs), [])

    def test_a_folder_that_is_a_fifo_is_not_used(self):
        os.rmdir(self.logs)
        os.mkfifo(self.logs)
        self.assertIn("cannot open 1.log in", self.run_one())


class Kill(ProgramTest):
    def test_after_a_kill_at_any_moment_every_task_ends(self):
        chaos = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos", "kill9.py")
        result = subprocess.run(["/usr/bin/python3", chaos, "5"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                encoding="utf-8", timeout=200 * PATIENCE)
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    tap.main()
