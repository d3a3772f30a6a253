# SPDX-License-Identifier: MIT
"""The verbs for task agents of COM, and `run --com`: with the task agent of test/com/faulty.c.

RDVTASK and RDVTASK_WORKER are as in test_program.py, and RDVTASK_FAULTY is the path of faulty-agent.dll.
"""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wine import KEEPS_SIGNALS, WindowsTest, import_registry, on_windows  # noqa: E402
import tap  # noqa: E402

FAULTY = os.environ.get("RDVTASK_FAULTY", "faulty-agent.dll")
CLSID = "{6f0d5a0e-3a55-4d3b-8a58-5f1d0c4b7c21}"
CLASS = "HKEY_LOCAL_MACHINE\\Software\\Classes\\CLSID\\" + CLSID
PLUGINS = "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Terminal Server\\Task\\Plugins"
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "com-host.md")
NAME = "Test agent \u2713"  # the name that it reports


# What an earlier run of these tests may have left behind.
NOTHING = "[-%s]\n[-%s]\n" % (PLUGINS, CLASS)


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def tearDownModule():
    import_registry(NOTHING)


class Com(WindowsTest):
    def register(self, *agents, model="Apartment"):
        """Have the class registered, and these task agents and no others: each is a name, or (name, class, IsEnabled)."""
        text = NOTHING + '[%s\\InprocServer32]\n@=%s\n"ThreadingModel"=%s\n' % (CLASS, quoted(on_windows(FAULTY)), quoted(model))
        for agent in agents:
            name, clsid, enabled = (agent, CLSID, 1) if isinstance(agent, str) else agent
            text += '[%s\\%s]\n"CLSID"=%s\n"IsEnabled"=dword:%d\n' % (PLUGINS, name, quoted(clsid), enabled)
        import_registry(text)


class Plugins(Com):
    def test_none_is_no_failure(self):
        self.register()
        self.assertEqual(json.loads(self.rdvtask("plugins", "--json").stdout), [])
        self.assertIn("no task agent is registered", self.rdvtask("plugins").stderr)

    def test_each_is_shown_with_what_becomes_of_it(self):
        self.register(("a off", CLSID, 0), "b used", "c late", ("d gone", "{00000000-0000-0000-0000-00000000dead}", 1))
        found = json.loads(self.rdvtask("plugins", "--json").stdout)
        self.assertEqual([(each["name"], each["enabled"], each["used"], each["loads"]) for each in found],
                         [("a off", False, False, True), ("b used", True, True, True), ("c late", True, False, True),
                          ("d gone", True, False, False)])
        self.assertEqual(found[1], {"name": "b used", "clsid": CLSID, "server": on_windows(FAULTY), "threading_model": "Apartment",
                                    "enabled": True, "used": True, "loads": True, "plugin_name": NAME, "trouble": None})
        self.assertEqual(found[3]["trouble"], "its class is not registered")
        lines = self.rdvtask("plugins").stdout.splitlines()
        self.assertRegex(lines[0], "^STATE +LOADS +NAME +CLSID ")
        self.assertRegex(lines[2], "^used +yes +b used +\\" + CLSID + " +" + NAME + "$")
        self.assertRegex(lines[4], "^enabled +no +d gone .*its class is not registered$")

    def test_one_that_can_not_be_created_says_why(self):
        self.register("one")
        found = json.loads(self.rdvtask("plugins", "--json", env=dict(os.environ, RDV_TEST_FAULT="create-fails")).stdout)
        self.assertFalse(found[0]["loads"])
        self.assertIn("0x80070005", found[0]["trouble"])

    def test_one_that_hangs_as_it_is_loaded_is_named_and_holds_up_nobody(self):
        self.register("a stuck", "b behind it")
        found = json.loads(self.rdvtask("plugins", "--json", env=dict(os.environ, RDV_TEST_FAULT="attach-deadlocks")).stdout)
        self.assertEqual([each["loads"] for each in found], [False, False])
        self.assertIn("could not be created within 10s", found[0]["trouble"])
        self.assertEqual(found[1]["trouble"], "not tried, since 'a stuck' hangs")


class CheckPlugin(Com):
    def test_a_right_one_passes(self):
        self.register("one")
        for which in ("one", CLSID):
            found = json.loads(self.rdvtask("check-plugin", which, "succeed", "checked", "--json").stdout)
            self.assertEqual((found["broken"], found["not_tried"], found["noted"]), (0, 0, 0))
            self.assertEqual(found["held"], len(found["checks"]))
            self.assertEqual(set(each["verdict"] for each in found["checks"]), {"held"})

    def test_the_page_has_the_checks_that_there_are(self):
        self.register()
        found = json.loads(self.rdvtask("check-plugin", CLSID, "--json").stdout)
        with open(PAGE, encoding="utf-8") as file:
            table = file.read().split("| check | what holds |", 1)[1].split("\n\n", 1)[0]
        self.assertEqual(re.findall(r"(?m)^\| `([a-z-]+)` \|", table), [each["check"] for each in found["checks"]])

    def test_a_fault_is_named_and_ends_with_1(self):
        self.register()
        result = self.rdvtask("check-plugin", CLSID, "succeed", code=1, env=dict(os.environ, RDV_TEST_FAULT="query-out"))
        self.assertRegex(result.stdout, r"(?m)^BROKEN +query-unknown .*\n +it has not made the pointer NULL$")
        self.assertIn("31 held, 1 broken, 0 not tried, 0 noted", result.stderr)

    def test_one_that_hangs_or_crashes_does_not_take_the_program_along(self):
        self.register()
        result = self.rdvtask("check-plugin", CLSID, "succeed", code=1, env=dict(os.environ, RDV_TEST_FAULT="start-crashes"))
        self.assertRegex(result.stdout, r"(?m)^BROKEN +start .*\n +it crashed: exception 0xC0000005 in faulty-agent.dll$")

    def test_a_task_has_its_limit_and_its_context(self):
        self.register()
        result = self.rdvtask("check-plugin", CLSID, "wait", "--run-limit", "100ms", code=1)
        self.assertRegex(result.stdout, r"(?m)^BROKEN +final-status .*\n +it has not within 100ms")
        self.rdvtask("check-plugin", CLSID, "context", "--context", "bytes")
        self.rdvtask("check-plugin", CLSID, "context", "--context", "others", code=1)

    def test_what_is_not_there_ends_with_2(self):
        self.register()
        self.assertIn("'nobody'", self.rdvtask("check-plugin", "nobody", code=2).stderr)
        self.assertIn("not registered",
                      self.rdvtask("check-plugin", "{00000000-0000-0000-0000-00000000dead}", code=2).stderr)

    def test_wrong_usage_ends_with_64(self):
        self.register()
        for words in (["--apartment", "both"], ["--context", "x"], ["label", "--run-limit", "0"]):
            self.rdvtask("check-plugin", CLSID, *words, code=64)

    def test_the_apartment_can_be_chosen(self):
        self.register(model="Both")
        for kind in ("single", "multi"):
            self.rdvtask("check-plugin", CLSID, "succeed", "--apartment", kind)


class Run(Com):
    def test_a_schedule_is_run_through_com_with_the_store_and_output_of_any_run(self):
        self.register("one")
        schedule = self.schedule_file([{"label": "succeed", "identifier": "good"}, {"label": "refuse", "identifier": "bad"}])
        result = self.rdvtask("run", "--com", "--once", schedule, code=1)
        self.assertIn("the task agent is '%s', of class" % NAME, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^\S+ good succeed applying$")
        history = {each["identifier"]: each for each in self.entries("history")}
        self.assertEqual(history["good"]["outcome"], "succeeded")
        self.assertEqual(history["bad"]["outcome"], "failed")
        self.assertIn("StartTask failed: 0x80070005", history["bad"]["message"])

    def test_one_is_named_by_its_name_or_its_class(self):
        self.register(("off", CLSID, 0))
        for which in (["--com", "off"], ["--com=off"], ["--com", CLSID]):
            schedule = self.schedule_file([{"label": "succeed", "identifier": "good"}])
            self.rdvtask("run", *which, "--once", schedule)
        self.assertIn("none is enabled", self.rdvtask("run", "--com", "--once", code=1).stderr)
        self.assertIn("'nobody'", self.rdvtask("run", "--com", "nobody", "--once", code=1).stderr)

    def listing(self):
        """What `list` prints, even if there is nothing to list yet."""
        program = self.popen("list")
        self.programs.remove(program)
        return program.communicate()[0]

    @unittest.skipIf(KEEPS_SIGNALS, "Wine has a process before one of 32 bits, which keeps our signals")
    def test_the_other_verbs_ask_it_and_it_ends_in_order(self):
        self.register("one")
        program = self.popen("run", "--com", self.schedule_file([{"label": "wait", "identifier": "long"}]))
        self.wait_for(lambda: "applying" in self.listing(), "the task")
        self.assertIn("its task agent can't cancel", self.rdvtask("cancel", "long", code=1).stderr)
        self.assertIn("no document", self.rdvtask("reload", code=1).stderr)
        self.stop(program)

    def test_a_store_holds_what_a_task_agent_schedules(self):
        self.register("one")
        self.rdvtask("run", "--com", "--once", self.schedule_file([{"label": "plan", "identifier": "one"}]))
        self.assertEqual([each["identifier"] for each in self.entries("history")], ["one", "planned"])

    def test_one_that_asks_to_be_shut_down_ends_the_run(self):
        self.register("one")
        result = self.rdvtask("run", "--com", self.schedule_file([{"label": "leave", "identifier": "one"}]), code=1)
        self.assertIn("has shut down by itself: permission denied", result.stderr)


if __name__ == "__main__":
    tap.main()
