# SPDX-License-Identifier: MIT
"""The verb start: one task in the foreground, and the exit code that tells how it ended."""
import json
import signal

import tap
from program import PATIENCE, ProgramTest, moment


class Start(ProgramTest):
    def test_a_task_that_succeeds_is_0(self):
        agent = self.agent(a=["true"])
        out = self.rdvtask("start", "a", "x", "--config", agent).stdout
        self.assertIn("x a succeeded", out)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_without_an_identifier_one_is_made(self):
        self.rdvtask("start", "a", "--config", self.agent(a=["true"]))
        self.assertRegex(self.history()[0]["identifier"], r"^[0-9a-f-]{36}$")

    def test_a_task_that_fails_is_1_and_its_last_output_is_shown(self):
        agent = self.agent(a=["sh", "-c", "for i in $(seq 100); do echo line $i; done; printf '\\033[2Jno end'; exit 7"])
        result = self.rdvtask("start", "a", "x", "--config", agent, code=1)
        lines = [line for line in result.stderr.splitlines() if line.startswith("  | ")]
        self.assertEqual(len(lines), 20)
        self.assertEqual(lines[-2:], ["  | line 100", "  | \\e[2Jno end"])
        self.assertEqual(self.history()[0]["code"], 7)
        self.assertNotIn("  | ", self.rdvtask("start", "a", "y", "--quiet", "--config", agent, code=1).stderr)

    def test_a_program_that_is_not_there_is_1_with_its_name(self):
        self.rdvtask("start", "a", "x", "--config", self.agent(a=["no-such-program"]), code=1)
        self.assertIn("no-such-program", self.history()[0]["message"])

    def test_a_label_without_a_handler_is_1(self):
        self.assertIn("'b'", self.rdvtask("start", "b", "--config", self.agent(a=["true"]), code=1).stdout)

    def test_a_task_that_takes_too_long_is_124(self):
        self.rdvtask("start", "a", "x", "--run-limit", "200ms", "--config", self.agent(a=["sleep", "100"]), code=124)
        self.assertEqual(self.outcomes(), [("x", "timed-out")])

    POLITE = ["sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 1000 & wait"]

    def test_a_program_that_ends_politely_past_its_limit_has_timed_out_all_the_same(self):
        self.rdvtask("start", "a", "x", "--run-limit", "500ms", "--config", self.agent(a=self.POLITE), code=124)
        entry, = self.history()
        self.assertEqual(entry["outcome"], "timed-out")
        self.assertEqual(entry["message"], "ran past its limit of 500ms; at its end it succeeded")
        self.assertEqual(self.processes_left(), {})

    def test_a_program_that_ends_politely_when_it_is_cancelled_is_cancelled_all_the_same(self):
        program = self.popen("start", "a", "x", "--config", self.agent(a=self.POLITE))
        self.wait_for_line(program.stdout, "step 1")
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 130)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])

    def test_a_window_that_has_passed_is_124(self):
        self.rdvtask("start", "a", "x", "--end", "-1s", "--config", self.agent(a=["true"]), code=124)
        self.assertEqual(self.outcomes(), [("x", "expired")])

    def test_it_waits_for_the_start_of_the_window(self):
        self.rdvtask("start", "a", "x", "--start", "+700ms", "--config", self.agent(a=["true"]))
        entry, = self.history()
        self.assertGreaterEqual(moment(entry["started_at"]), moment(entry["start"]))

    def test_on_a_paused_store_the_way_out_is_said_once(self):
        agent = self.agent(a=["true"])
        self.rdvtask("pause")
        program = self.popen("start", "a", "x", "--config", agent)
        line = self.wait_for_line(program.stderr, "paused")
        self.assertIn("end this, then 'rdvtask resume'", line)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 130)
        self.assertNotIn("paused", err)
        program = self.popen("start", "a", "y", "--quiet", "--config", agent)
        self.wait_for(lambda: self.entries("list"), "it to be scheduled")
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual((program.returncode, err), (130, ""))
        self.rdvtask("resume")
        self.assertEqual(self.rdvtask("start", "a", "x", "--config", agent).stderr, "")

    def test_nothing_else_of_the_store_is_touched(self):
        agent = self.agent(a=["true"])
        self.rdvtask("schedule", "a", "waiting")
        self.rdvtask("schedule", "a", "passed", "--end", "-1h")
        self.rdvtask("start", "a", "x", "--config", agent)
        self.assertEqual({e["identifier"] for e in self.entries("list")}, {"waiting", "passed"})
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_a_pending_identifier_is_replaced(self):
        self.rdvtask("schedule", "b", "x", "--start", "+1h")
        self.rdvtask("start", "a", "x", "--config", self.agent(a=["true"]))
        self.assertEqual(self.entries("list"), [])
        self.assertEqual([(e["label"], e["outcome"]) for e in self.history()], [("a", "succeeded")])

    def test_the_context_is_on_standard_input(self):
        agent = self.agent(a=["sh", "-c", "cat > %s" % self.path("got")])
        self.rdvtask("start", "a", "--context", "text", "--config", agent)
        self.assertEqual(open(self.path("got")).read(), "text")
        self.rdvtask("start", "a", "--context-file", "-", "--config", agent, input="x" * 100000)
        self.assertEqual(len(open(self.path("got")).read()), 100000)

    def test_json_is_one_object_a_line_of_this_task(self):
        lines = self.rdvtask("start", "a", "x", "--json", "--config", self.agent(a=["true"])).stdout.splitlines()
        entries = [json.loads(line) for line in lines]
        self.assertEqual({entry["identifier"] for entry in entries}, {"x"})
        self.assertEqual(entries[-1]["outcome"], "succeeded")

    def start_sleeping(self, command="exec sleep 100", grace="1s", before=":"):
        command = "%s; touch %s; %s" % (before, self.path("started"), command)
        agent = self.agent(a={"grace": grace, "steps": [{"run": ["sh", "-c", command]}]})
        program = self.popen("start", "a", "x", "--config", agent)
        self.wait_for_file("started")
        return program

    def test_an_interruption_cancels_it_and_is_130(self):
        program = self.start_sleeping()
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 130)
        self.assertIn("cancelling", err)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])
        self.assertEqual(self.processes_left(), {})

    def test_an_interruption_before_it_has_started_is_130(self):
        program = self.popen("start", "a", "x", "--start", "+1h", "--config", self.agent(a=["true"]))
        self.wait_for_line(program.stdout, "pending")
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 130)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])

    def test_a_second_interruption_ends_it_at_once(self):
        program = self.start_sleeping("sleep 1000 & wait; sleep 1000", "10m", before="trap '' TERM")
        program.send_signal(signal.SIGINT)
        self.wait_for_line(program.stderr, "once more")
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 130)
        self.assertEqual(self.processes_left(), {})
        # The request is durable: the next process ends it.
        self.assertEqual([(e["state"], e["cancelling"]) for e in self.entries("list")], [("running", True)])
        self.rdvtask("run", "--once", "--config", self.path("agent.json"), code=1)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])

    def test_an_identifier_that_is_running_is_75(self):
        program = self.start_sleeping()
        program.kill()
        program.communicate()
        self.may_leave_processes = True
        self.assertIn("running already", self.rdvtask("start", "a", "x", "--config", self.path("agent.json"), code=75).stderr)


if __name__ == "__main__":
    tap.main()
