# SPDX-License-Identifier: MIT
"""Tasks that would go on for ever: they reboot the machine, crash it, or end rdvtask, each time they are begun again."""
import json
import os
import signal
import unittest

import tap
from program import PATIENCE, ProgramTest

HELD = "echo x >>marks; sleep 300"


class Loops(ProgramTest):
    def marks(self):
        try:
            with open(self.path("marks")) as file:
                return file.read().count("x")
        except FileNotFoundError:
            return 0

    def document(self, *steps, **more):
        steps = [{"run": ["sh", "-c", step]} for step in steps]
        return self.agent(upd=dict({"steps": steps, "directory": self.dir}, **more), other=["true"])

    def begin(self, config, *arguments):
        """An agent in the next boot, once the task is under way, or has ended."""
        before = self.marks()
        program = self.popen("run", "--config", config, "--quiet", *arguments)
        self.wait_for(lambda: self.marks() > before or self.outcome("u") or program.poll() is not None, "the task")
        return program

    def outcome(self, identifier):
        # The agent may end in the middle of its answer.
        done = self.popen("history", "--json", identifier)
        out, _ = done.communicate(timeout=60 * PATIENCE)
        self.programs.remove(done)
        entries = json.loads(out) if done.returncode == 0 else []
        return entries[-1]["outcome"] if entries else ""

    def latest(self, identifier):
        return json.loads(self.rdvtask("show", "--json", identifier).stdout)["message"]

    def end(self, program, number):
        program.send_signal(number)
        program.communicate(timeout=60 * PATIENCE)
        self.programs.remove(program)

    def go_round(self, config, times, number, *arguments, boots=False):
        """Begin and end agents until the task has ended, so often at most; returns how often it was begun."""
        for i in range(times):
            if boots:
                self.write("boot", "boot-%d\n" % i)
                arguments = ("--boot-id-file", self.path("boot"))
            program = self.begin(config, *arguments)
            over = self.outcome("u")
            self.end(program, signal.SIGTERM if over else number)
            if over:
                break
        return self.marks()

    def check_given_up(self, words):
        entry, = [entry for entry in self.history() if entry["identifier"] == "u"]
        self.assertEqual(entry["outcome"], "failed")
        self.assertIn(words, entry["message"])
        self.assertEqual(self.processes_left(), {})
        self.rdvtask("run", "--config", self.path("agent.json"), "--once", "--quiet")
        self.assertIn(("o", "succeeded"), self.outcomes())

    def schedule(self):
        self.rdvtask("schedule", "upd", "u", "--run-limit", "1h")
        self.rdvtask("schedule", "other", "o")

    def test_a_step_that_reboots_the_machine_by_itself_does_so_six_times_at_most(self):
        config = self.document(HELD)
        self.schedule()
        self.assertEqual(self.go_round(config, 12, signal.SIGTERM, boots=True), 6)
        self.check_given_up("interrupted 6 times")

    def test_a_step_that_gets_rdvtask_killed_does_so_six_times_at_most(self):
        for on_interrupt in ("resume", "restart"):
            with self.subTest(on_interrupt=on_interrupt):
                config = self.document("true", "echo x >>marks; kill -9 $(cat agent.pid); sleep 300",
                                       on_interrupt=on_interrupt)
                self.schedule()
                before = self.marks()
                for _ in range(12):
                    program = self.popen("run", "--config", config, "--quiet", "--max-interruptions", "5")
                    self.write("agent.pid", "%d\n" % program.pid)
                    self.wait_for(lambda: program.poll() is not None or self.outcome("u"), "its end")
                    over = program.poll() is None
                    self.end(program, signal.SIGTERM)
                    if over:
                        break
                self.assertEqual(self.marks() - before, 6)
                self.check_given_up("interrupted 6 times")
                os.remove(self.store)

    def test_how_often_is_a_setting(self):
        config = self.document(HELD)
        self.schedule()
        self.assertEqual(self.go_round(config, 12, signal.SIGKILL, "--max-interruptions", "1"), 2)
        self.check_given_up("interrupted 2 times")
        for wrong in ("-1", "x", "", "1000001"):
            self.assertIn("is not a number from 0", self.rdvtask("run", "--max-interruptions", wrong, code=64).stderr)

    def test_a_step_that_is_followed_again_was_not_interrupted(self):
        config = self.document("echo x >>marks; until [ -e go ]; do sleep 0.05; done", on_stop="leave")
        self.schedule()
        program = self.begin(config)
        for _ in range(7):
            self.end(program, signal.SIGKILL)
            program = self.popen("run", "--config", config, "--quiet")
            self.wait_for_agent(program)
            self.wait_for(lambda: "left running" in self.rdvtask("show", "u").stdout, "the new agent")
        self.write("go", "")
        self.wait_for(lambda: self.outcome("u"), "the end")
        self.assertEqual((self.outcome("u"), self.marks()), ("succeeded", 1))
        self.end(program, signal.SIGTERM)

    def test_a_retry_that_waits_was_not_interrupted(self):
        """A try that a new agent begins is told before it leaves its mark: with the mark there, the message is of that try."""
        config = self.agent(upd={"steps": [{"run": ["sh", "-c", "echo x >>marks; exit 1"], "retries": 7, "retry_delay": "10m"}],
                                 "directory": self.dir, "on_interrupt": "fail"}, other=["true"])
        self.schedule()
        program = self.begin(config)
        for tries in range(1, 8):
            self.wait_for(lambda: self.marks() == tries and self.latest("u").startswith("trying again"), "the retry's wait")
            self.end(program, signal.SIGKILL)
            program = self.popen("run", "--config", config, "--quiet")
            self.wait_for_agent(program)
        self.wait_for(lambda: self.outcome("u"), "the end")
        self.assertEqual((self.outcome("u"), self.marks()), ("failed", 8))
        self.assertIn("exit code 1", self.latest("u"))
        self.end(program, signal.SIGTERM)

    def test_a_step_that_has_rdvtask_stopped_in_order_waits_and_others_go_first(self):
        config = self.document(HELD)
        self.schedule()
        self.go_round(config, 2, signal.SIGTERM)
        self.assertEqual(self.marks(), 2)
        program = self.popen("run", "--config", config, "--quiet")
        self.wait_for(lambda: self.outcome("o"), "the other task")
        self.wait_for(lambda: self.marks() == 3, "the step once more")
        self.end(program, signal.SIGTERM)
        program = self.popen("run", "--config", config, "--quiet")
        self.wait_for_agent(program)
        self.assertIn("stopped over and over", self.rdvtask("explain", "u").stdout)
        self.rdvtask("cancel", "u")
        self.wait_for(lambda: self.outcome("u"), "the end")
        self.assertEqual((self.outcome("u"), self.marks()), ("cancelled", 3))
        self.end(program, signal.SIGTERM)


if __name__ == "__main__":
    tap.main()
