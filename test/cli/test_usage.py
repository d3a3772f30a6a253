# SPDX-License-Identifier: MIT
"""The command line itself: verbs, options, help, and each way to get them wrong."""

import unittest

import tap
from program import ON_WINDOWS, ProgramTest

VERBS = ["run", "start", "schedule", "list", "show", "delete", "history", "watch", "cancel", "explain", "pause", "resume", "reload",
         "validate", "plugins", "check-plugin"]


class Usage(ProgramTest):
    def usage_error(self, *arguments, says=None):
        result = self.rdvtask(*arguments, code=64)
        self.assertEqual(result.stdout, "")
        self.assertIn("--help", result.stderr)
        self.assertLessEqual(len(result.stderr.splitlines()), 2, result.stderr)
        if says:
            self.assertIn(says, result.stderr)
        return result.stderr

    def test_the_version_is_told(self):
        self.assertRegex(self.rdvtask("--version").stdout, r"^rdvtask \d+\.\d+\.\d+\n$")

    def test_no_arguments_is_a_usage_error(self):
        self.usage_error()

    def test_help_lists_each_verb_and_each_exit_code(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            text = self.rdvtask(*arguments).stdout
            for verb in VERBS:
                self.assertIn("\n  " + verb + " ", text)
            for code in ("0 ok", "1 failed", "2 not found", "3 reboot", "64 ", "75 ", "124 ", "130 "):
                self.assertIn(code, text)

    def test_each_verb_has_its_help_in_three_ways(self):
        for verb in VERBS:
            text = self.rdvtask(verb, "--help").stdout
            self.assertIn("Usage: rdvtask " + verb, text)
            self.assertIn("Exit: ", text)
            self.assertIn("--quiet", text)
            self.assertEqual(self.rdvtask("help", verb).stdout, text)
            self.assertEqual(self.rdvtask("--help", verb).stdout, text)

    def test_an_unknown_verb_is_guessed(self):
        self.usage_error("lst", says="did you mean 'list'")
        self.usage_error("shedule", says="did you mean 'schedule'")
        self.usage_error("hist", says="did you mean 'history'")
        self.usage_error("help", "strat", says="did you mean 'start'")

    def test_a_word_like_no_verb_is_not_guessed(self):
        self.assertNotIn("did you mean", self.usage_error("xyzzy"))
        self.assertNotIn("did you mean", self.usage_error(""))

    def test_an_unknown_option_is_guessed(self):
        self.usage_error("list", "--jsn", says="did you mean --json")
        self.usage_error("list", "--storage=x", says="unknown option --storage")
        self.usage_error("list", "-z", says="unknown option -z")
        self.usage_error("list", "--" + "x" * 5000)

    def test_an_option_without_its_value_is_refused(self):
        self.usage_error("list", "--store", says="--store needs a value")
        self.usage_error("schedule", "label", "--start", says="--start needs a value")

    def test_an_option_that_takes_no_value_is_given_none(self):
        self.usage_error("list", "--json=yes", says="--json takes no value")

    def test_an_option_given_twice_is_refused(self):
        self.usage_error("list", "--store", "a", "--store=b", says="twice")
        self.rdvtask("list", "--quiet", "--quiet", "-q")

    def test_an_option_of_another_verb_is_refused(self):
        self.usage_error("list", "--once", says="takes no --once")
        self.usage_error("run", "--context", "x", says="takes no --context")
        self.usage_error("show", "x", "--limit=1", says="takes no --limit")

    def test_values_come_after_a_blank_or_an_equals_sign(self):
        self.rdvtask("list", "--store=" + self.store, "--store-is-not-doubled", code=64)
        self.rdvtask("schedule", "label", "one", "--start=+1h", "--context=a=b")
        self.assertEqual(self.entries("list")[0]["context_size"], 3)

    def test_an_option_whose_value_may_be_left_out_takes_none_that_is_something_else(self):
        if ON_WINDOWS:
            self.skipTest("COM is there")
        schedule = self.schedule_file([])
        for words in (["--com"], ["--com", "--once"], ["--com", schedule], ["--com=some name"], ["--com", "some name"]):
            self.assertIn("only on Windows", self.rdvtask("run", *words, code=1).stderr)
        # Were it a file, that it isn't there would come first.
        self.assertIn("no-such-file.json", self.rdvtask("run", "--com", "no-such-file.json", code=1).stderr)
        self.assertIn("only on Windows", self.rdvtask("--com", "run", code=1).stderr)

    def test_one_task_agent_is_enough(self):
        for words in (["--com", "--plugin", "x"], ["--com", "--config", "x"], ["--plugin", "x", "--config", "y"]):
            self.usage_error("run", *words, says="give only one of --config, --plugin and --com")

    def test_what_is_only_on_windows_says_so(self):
        if ON_WINDOWS:
            self.skipTest("COM is there")
        self.assertIn("only on Windows", self.rdvtask("plugins", code=1).stderr)
        self.assertIn("only on Windows", self.rdvtask("check-plugin", "a", code=1).stderr)
        self.usage_error("list", "--com", says="takes no --com")
        self.usage_error("plugins", "--config", "x", says="takes no --config")

    def test_options_may_come_before_the_verb(self):
        self.assertEqual(self.rdvtask("--json", "--store", self.store, "list").stdout, "[]\n")

    def test_too_many_or_too_few_arguments_are_refused(self):
        for arguments in (["list", "x"], ["show"], ["show", "a", "b"], ["delete"], ["cancel"], ["explain"],
                          ["cancel", "a", "b"], ["explain", "a", "b"], ["watch", "a"], ["pause", "a"], ["resume", "a"],
                          ["reload", "a"], ["delete", "a", "b"], ["start"],
                          ["start", "a", "b", "c"], ["schedule"], ["schedule", "a", "b", "c"], ["history", "a", "b"],
                          ["validate"], ["plugins", "a"], ["check-plugin"], ["check-plugin", "a", "b", "c", "d"],
                          ["help", "list", "show"]):
            self.usage_error(*arguments)

    def test_an_empty_name_is_refused(self):
        self.usage_error("schedule", "", says="empty")
        self.usage_error("schedule", "label", "", says="empty")
        self.usage_error("show", "", says="empty")
        self.usage_error("delete", "", says="empty")
        self.usage_error("history", "", says="empty")
        self.usage_error("cancel", "", says="empty")
        self.usage_error("explain", "", says="empty")
        self.usage_error("list", "--socket", "", says="--socket")

    def test_times_that_are_none_are_refused_with_an_example(self):
        for text in ("tomorrow", "", "2026-11-22", "2026-11-22T03:00:00", "2026-13-01T00:00:00Z", "2h", "+2", "+1y",
                     "2026-11-22T03:00:00.12345678Z", "9999999999999"):
            for option in ("--start", "--end", "--deadline"):
                self.usage_error("schedule", "label", option, text, says="write 2026-11-22T03:00:00Z, or +2h")

    def test_an_end_before_the_start_is_refused(self):
        self.usage_error("schedule", "label", "--start", "+2h", "--end", "+1h", says="--end is before --start")
        self.rdvtask("schedule", "label", "--start", "+2h", "--end", "+2h")

    def test_numbers_and_durations_are_checked(self):
        agent = self.agent(true=["true"])
        for text in ("0", "-1", "x", "1x", "", "99999999999999999999", "1000001"):
            self.usage_error("run", "--once", "--config", agent, "--max-running", text)
        for text in ("0", "-1", "x", "1.5", "99999999999999999999"):
            self.usage_error("history", "--limit", text)
        for text in ("-1", "x", "", "1.5", "99999999999999999999"):
            self.usage_error("watch", "--after", text)
        for text in ("x", "-5m", "5", "10q", "999999999d"):
            self.usage_error("run", "--once", "--config", agent, "--clock-wait", text)
            self.usage_error("schedule", "label", "--run-limit", text)
        self.usage_error("schedule", "label", "--run-limit", "0")

    def test_an_until_that_has_passed_is_refused(self):
        agent = self.agent(true=["true"])
        self.usage_error("run", "--config", agent, "--until", "-1s", says="passed")
        self.usage_error("run", "--config", agent, "--until", "soon", says="not a time")

    def test_labels_and_identifiers_have_a_limit(self):
        self.rdvtask("schedule", "x" * 1024, "y" * 1024)
        self.usage_error("schedule", "x" * 1025, says="1024")
        self.usage_error("schedule", "x", "y" * 1025, says="1024")

    @unittest.skipIf(ON_WINDOWS, "arguments are UTF-16 there, and Wine makes that of any bytes")
    def test_arguments_that_are_not_utf8_are_refused(self):
        self.usage_error("schedule", b"\xff\xfe", says="UTF-8")
        self.usage_error("schedule", "label", b"a\xc3", says="UTF-8")

    def test_what_is_shown_of_an_argument_is_escaped(self):
        err = self.usage_error("\x1b[31mred\n")
        self.assertNotIn("\x1b", err)
        self.assertIn("\\e[31mred\\n", err)
        if not ON_WINDOWS:
            self.assertIn("\\xff", self.usage_error(b"\xff"))
        self.assertIn("\\u{202e}", self.usage_error("a\u202eb"))

    def test_an_agent_document_and_a_plug_in_at_once_are_refused(self):
        self.usage_error("run", "--config", "x", "--plugin", "y", says="one of")
        self.usage_error("run", "--plugin-config", "x", says="--plugin")

    def test_both_kinds_of_context_at_once_are_refused(self):
        self.usage_error("schedule", "label", "--context", "x", "--context-file", "y", says="both")


if __name__ == "__main__":
    tap.main()
