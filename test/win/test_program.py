# SPDX-License-Identifier: MIT
"""The program on Windows: what differs there, and its main work, with real children and a real pipe.

RDVTASK in the environment has the words that start it under Wine: scripts/wine-run --here PROGRAM. RDVTASK_WORKER is the path of
worker.exe, which tasks run.
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wine import WAIT, WindowsTest, on_windows  # noqa: E402
import tap  # noqa: E402

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "windows")


class CommandLine(WindowsTest):
    def bytes_of(self, *arguments):
        """What a command prints, as bytes: text streams of Python would change line ends."""
        return subprocess.run(self.command(*arguments), stdout=subprocess.PIPE, check=True).stdout

    def test_the_version_is_one_line_with_a_plain_line_end(self):
        self.assertRegex(self.bytes_of("--version"), rb"^rdvtask \d+\.\d+\.\d+\n$")

    def test_no_line_ends_with_a_carriage_return(self):
        self.rdvtask("schedule", "ä", "one")
        for arguments in (["help"], ["list"], ["list", "--json"], ["show", "one"], ["show", "one", "--json"]):
            out = self.bytes_of(*arguments)
            self.assertIn(b"\n", out)
            self.assertNotIn(b"\r", out)

    def test_help_speaks_of_windows(self):
        for verb, words in (("run", "Ctrl-Break"), ("list", "%ProgramData%\\rdvtask\\rdvtask.db")):
            text = self.rdvtask(verb, "--help").stdout
            self.assertIn(words, text)
            for other in ("SIGHUP", "SIGTERM", "/var/lib"):
                self.assertNotIn(other, text)

    def test_wrong_usage_ends_with_64(self):
        self.assertIn("did you mean 'list'", self.rdvtask("lst", code=64).stderr)

    def test_arguments_with_quotes_and_blanks_come_as_they_are(self):
        label = 'a "b" \\ c\\\\" %PATH% ^'
        self.rdvtask("schedule", "--", label, "one")
        self.assertEqual(self.entries("list")[0]["label"], label)

    def test_a_console_shows_any_language(self):
        """The code page does not matter, since a console gets UTF-16."""
        name = os.path.basename(self.schedule_file([], "Ärger-обновление-店.json"))
        ours, theirs = pty.openpty()
        program = subprocess.Popen(self.command("validate", name), stdin=theirs, stdout=theirs, stderr=theirs, cwd=self.dir,
                                   start_new_session=True)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.assertEqual(program.wait(WAIT), 0)
        screen, shown = b"", ""
        end = time.monotonic() + WAIT
        # Wine has a process for the console, which may still write to the terminal when the program has ended.
        while name + ":" not in shown and select.select([ours], [], [], max(0, end - time.monotonic()))[0]:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # all of it was read
                break
            # It puts escape sequences of its own in between.
            shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", screen.decode("utf-8", "replace"))
        self.assertIn(name + ":", shown)


class Places(WindowsTest):
    def test_a_backslash_makes_an_argument_of_schedule_a_file(self):
        self.schedule_file([{"label": "a", "identifier": "one"}], "folder-less")
        self.rdvtask("schedule", ".\\folder-less")
        self.rdvtask("schedule", on_windows(self.path("folder-less")))
        self.assertEqual([entry["label"] for entry in self.entries("list")], ["a"])

    def test_folders_that_are_missing_are_made_for_us_only(self):
        store = self.path("made here/and here/store.db")
        self.rdvtask("schedule", "label", "--store", on_windows(store))
        self.assertTrue(os.path.exists(store))
        self.assertEqual(os.stat(os.path.dirname(store)).st_mode & 0o007, 0)

    def test_names_in_other_alphabets_work_everywhere(self):
        folder = self.path("каталог with spaces Ä")
        os.mkdir(folder, 0o700)
        self.store = on_windows(os.path.join(folder, "店.db"))
        self.schedule_file([{"label": "обновление-ß", "identifier": "机器-17"}], os.path.join(folder, "план.json"))
        self.rdvtask("schedule", on_windows(os.path.join(folder, "план.json")))
        self.assertTrue(os.path.exists(os.path.join(folder, "店.db")))
        entry = self.entries("list")[0]
        self.assertEqual((entry["label"], entry["identifier"]), ("обновление-ß", "机器-17"))
        self.assertIn("обновление-ß", self.rdvtask("show", "机器-17").stdout)
        self.assertEqual(self.rdvtask("show", "机器-18", code=2).stdout, "")
        self.assertIn("机器-17", self.rdvtask("delete", "机器-17").stdout)


class Validate(WindowsTest):
    def test_trouble_is_told_with_file_line_column_path_and_words(self):
        bad = on_windows(self.write("bad.json", '{\r\n  "tasks": [\r\n    { "label": "a",\r\n      "start": "tomorrow" }\r\n  ]\r\n}\r\n'))
        err = self.rdvtask("validate", bad, code=1).stderr
        self.assertTrue(err.startswith(bad + ":4:16 tasks[0].start: "), err)
        self.assertEqual(err.count("\n"), 1)

    def test_a_file_that_is_not_there_is_named(self):
        self.assertIn("no such.json", self.rdvtask("validate", "C:\\no such.json", code=1).stderr)


class Schedule(WindowsTest):
    def test_what_is_scheduled_is_listed_shown_and_deleted(self):
        self.assertEqual(self.entries("list"), [])
        self.rdvtask("schedule", "a", "one", "--start", "+1h", "--deadline", "+2h")
        self.rdvtask("schedule", "b", "two", "--start", "+1h", "--deadline", "+1h")
        self.assertEqual([entry["identifier"] for entry in self.entries("list")], ["two", "one"])
        self.assertIn("pending", self.rdvtask("show", "one").stdout)
        self.rdvtask("delete", "one")
        self.rdvtask("delete", "one", code=2)
        self.assertEqual(self.outcomes(), [("one", "cancelled")])
        self.assertIn("waits for", self.rdvtask("explain", "two").stdout)

    def test_a_context_may_be_any_bytes(self):
        """Even those bytes at which a text file of Windows ends, or which it changes."""
        context = bytes(range(256)) + b"\r\n\x1a\n"
        self.agent(take=self.worker("copy", self.path("taken")))
        with open(self.write("context", context), "rb") as file:
            self.rdvtask("start", "take", "one", "--context-file", "-", "--config", self.path("agent.json"), stdin=file)
        with open(self.path("taken"), "rb") as file:
            self.assertEqual(file.read(), context)


class Start(WindowsTest):
    def start(self, label, *arguments, code=0):
        return self.rdvtask("start", label, "one", "--config", self.path("agent.json"), *arguments, code=code)

    def test_each_end_has_its_exit_code(self):
        exits = {"fine": (0, 0), "fails": (7, 1), "reboot": (3010, 3), "reboot-unix": (194, 3)}
        self.agent(**{label.replace("-", "_"): self.worker("exit", str(number)) for label, (number, _) in exits.items()},
                   long=self.worker("beat", self.path("beat")), gone=["no-such-program.exe"])
        for label, (_, code) in exits.items():
            with self.subTest(label=label):
                self.start(label, code=code)
        self.start("gone", code=1)
        self.start("long", "--run-limit", "1s", code=124)
        self.assertFalse(self.beats("beat"))
        entries = self.history()
        self.assertEqual([entry["outcome"] for entry in entries],
                         ["succeeded", "failed", "succeeded", "succeeded", "failed", "timed-out"])
        self.assertEqual([entry["code"] for entry in entries[:4]], [0, 7, 194, 194])

    def test_output_is_kept_and_the_end_of_it_shown_where_it_failed(self):
        self.agent(talk=self.worker("print", "first Ünïcode", "error", "second\ttab", "variable", "RDV_LABEL", "exit", "9"))
        err = self.start("talk", code=1).stderr
        self.assertIn("  | first Ünïcode\n  | second\\ttab\n  | talk\n", err)
        self.assertIn("  | first Ünïcode\n", self.rdvtask("show", "one").stdout)

    def test_notices_come_by_the_pipe_that_rdv_notify_names(self):
        self.agent(talk=self.worker("notice", "STATUS=downloading", "notice", "PROGRESS=42", "notice", "MESSAGE=halb fertig ½"))
        lines = self.start("talk", "--json").stdout
        self.assertIn('"progress":42', lines)
        self.assertIn("halb fertig ½", lines)

    def test_ctrl_c_cancels_the_task_with_all_that_it_has_started(self):
        self.agent(tree=self.worker("child", self.path("child"), "beat", self.path("beat")))
        program = self.popen("start", "tree", "one", "--config", self.path("agent.json"))
        self.wait_for(lambda: self.beats("beat") and self.beats("child"), "the task")
        self.stop(program, 130)
        self.assertFalse(self.beats("beat"))
        self.assertFalse(self.beats("child"))
        self.assertEqual(self.outcomes(), [("one", "cancelled")])


class Run(WindowsTest):
    def test_tasks_start_by_their_deadlines(self):
        self.agent(note=self.worker("append", self.path("order")))
        now = time.time()
        tasks = [{"label": "note", "identifier": name,
                  "deadline": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 3600 * hours))}
                 for name, hours in (("third", 3), ("first", 1), ("second", 2))]
        self.rdvtask("run", "--once", "--config", self.path("agent.json"), self.schedule_file(tasks))
        with open(self.path("order"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["first", "second", "third"])
        self.assertEqual(self.outcomes(), [(name, "succeeded") for name in ("first", "second", "third")])

    def test_one_that_fails_makes_once_fail(self):
        self.agent(fails=self.worker("exit", "1"))
        self.rdvtask("run", "--once", "--config", self.path("agent.json"), self.schedule_file([{"label": "fails"}]), code=1)

    def test_ctrl_c_ends_it_in_order_and_the_next_one_goes_on(self):
        self.agent(slow=self.worker("append", self.path("tries"), "wait", self.path("go")))
        program = self.run_agent(self.schedule_file([{"label": "slow", "identifier": "one"}]))
        self.wait_for_file("tries")
        out, err = self.stop(program)
        self.assertIn("stopping in order", err)
        self.assertEqual([entry["state"] for entry in self.entries("list")], ["running"])
        self.write("go", "")
        self.rdvtask("run", "--once", "--config", self.path("agent.json"))
        self.assertEqual(self.outcomes(), [("one", "succeeded")])

    def test_what_was_acknowledged_outlives_a_kill_and_children_do_not(self):
        self.agent(beats=self.worker("append", self.path("tries"), "child", self.path("child"),
                                     "wait", self.path("go")))
        program = self.run_agent()
        self.rdvtask("schedule", "beats", "one")
        self.wait_for(lambda: self.beats("child"), "the task")
        self.rdvtask("schedule", "beats", "two", "--start", "+1h")
        self.rdvtask("pause")
        program.kill()
        program.communicate()
        self.wait_for(lambda: not self.beats("child"), "the end of what was left")
        before = [(entry["identifier"], entry["state"]) for entry in self.entries("list")]
        self.assertEqual(before, [("one", "running"), ("two", "pending")])
        self.rdvtask("resume")
        self.write("go", "")
        program = self.run_agent()
        self.wait_for(self.outcomes, "the end of the first")
        self.assertEqual(self.outcomes(), [("one", "succeeded")])
        with open(self.path("tries"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["one", "one"])
        self.stop(program)

    def test_a_second_writer_is_refused_with_the_name_of_the_first(self):
        self.agent(a=self.worker("exit", "0"))
        program = self.run_agent()
        err = self.rdvtask("run", "--config", self.path("agent.json"), code=75).stderr
        self.assertIn("rdvtask run", err)
        self.stop(program)


class Control(WindowsTest):
    def begin(self):
        """Start the agent that the other programs talk to."""
        self.agent(slow=self.worker("print", "at work", "wait", self.path("go")), quick=self.worker("exit", "0"))
        return self.run_agent()

    def test_another_process_watches_and_cancels(self):
        agent = self.begin()
        watch = self.popen("watch", "--json", "--after", "0")
        self.rdvtask("schedule", "slow", "one")
        self.wait_for_line(watch.stdout, '"state":"running"')
        self.assertIn("cancelling one", self.rdvtask("cancel", "one").stdout)
        self.wait_for_line(watch.stdout, '"outcome":"cancelled"')
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(WAIT), 0)
        self.stop(agent)

    def test_start_has_the_agent_run_the_task_and_follows_it(self):
        agent = self.begin()
        self.assertIn("succeeded", self.rdvtask("start", "quick", "one").stdout)
        program = self.popen("start", "slow", "two")
        self.wait_for(lambda: [entry for entry in self.entries("list") if entry["state"] == "running"], "the task")
        self.stop(program, 130)
        self.assertEqual(self.outcomes(), [("one", "succeeded"), ("two", "cancelled")])
        self.stop(agent)

    def test_pause_explain_and_resume_speak_to_the_agent(self):
        agent = self.begin()
        self.rdvtask("pause")
        self.rdvtask("schedule", "quick", "one")
        self.assertIn("paused", self.rdvtask("explain", "one").stdout)
        self.rdvtask("resume")
        self.wait_for(self.outcomes, "the task")
        self.stop(agent)

    def test_a_document_that_is_wrong_is_told_to_who_asked_for_a_reload(self):
        agent = self.begin()
        os.chmod(self.write("agent.json", '{ "handlers": [ { "label": "" } ] }'), 0o600)
        self.assertIn("agent.json:1:", self.rdvtask("reload", code=1).stderr)
        self.stop(agent)

    def test_watch_tells_that_the_agent_has_gone(self):
        agent = self.begin()
        watch = self.popen("watch", "--after", "0")
        self.rdvtask("schedule", "slow", "one")
        self.wait_for_line(watch.stdout, "one")
        agent.kill()
        self.assertEqual(watch.wait(WAIT), 1)
        self.assertIn("the agent has gone", watch.stderr.read())


class Examples(WindowsTest):
    def copy(self, *names):
        """Copy files of examples/windows to a folder where nobody else may write."""
        for name in names:
            shutil.copy(os.path.join(EXAMPLES, name), self.dir)
            os.chmod(self.path(os.path.basename(name)), 0o600)

    def test_hello_runs_programs_of_windows(self):
        self.copy("hello/agent.json", "hello/schedule.json")
        self.rdvtask("run", "--once", "--config", self.path("agent.json"), self.path("schedule.json"), code=1)
        self.assertEqual(self.outcomes(), [("first", "succeeded"), ("second", "succeeded"), ("third", "failed")])
        self.assertIn("COLOUR=green", self.rdvtask("show", "second").stdout)
        self.assertIn("exit code 7", self.rdvtask("show", "third").stdout)

    def test_the_documents_are_right(self):
        self.copy("agent.json", "nightly.json")
        self.rdvtask("validate", self.path("agent.json"), self.path("nightly.json"))

    def test_the_task_scheduler_takes_the_file_for_it(self):
        self.copy("rdvtask-task.xml")
        # Processes of Wine itself may still be starting.
        self.wait_for(lambda: self.typed("schtasks /create /tn rdvtask-test /xml rdvtask-task.xml").returncode == 0,
                      "the task scheduler")
        self.shell("schtasks /delete /tn rdvtask-test /f")


if __name__ == "__main__":
    tap.main()
