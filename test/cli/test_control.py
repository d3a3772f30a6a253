# SPDX-License-Identifier: MIT
"""One process runs, others ask it: each verb with an agent and without one, and what becomes of it all when it is killed."""
import grp
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import tap
from program import PATIENCE, RDVTASK, ProgramTest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Relay:
    """Stands between clients and an agent: each request is passed on, `after(line)` is called, and then answers are."""
    def __init__(self, path, agent, after):
        self.agent, self.after = agent, after
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        try:
            while True:
                threading.Thread(target=self.pass_on, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass  # closed

    def pass_on(self, client):
        with client, socket.socket(socket.AF_UNIX) as agent:
            agent.connect(self.agent)
            line = b""
            while True:
                for side in select.select([client, agent], [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    if side is client:
                        agent.sendall(data)
                        line += data
                        if line.endswith(b"\n"):
                            self.after(line)
                            line = b""
                    else:
                        client.sendall(data)


class AgentTest(ProgramTest):
    """A running agent with labels that end at once (quick), fail (bad), go on until told to end (long), and wait for a file
    named as the task (gate)."""
    def document(self, **more):
        gate = ["sh", "-c", "until [ -e %s/go-$RDV_IDENTIFIER ]; do sleep 0.05; done" % self.dir]
        return self.agent(quick=["true"], bad=["sh", "-c", "echo no luck; exit 7"], long=["sleep", "1000"], gate=gate, **more)

    def start_agent(self, *options, **keywords):
        program = self.popen("run", "-q", "--config", self.document(), *options, **keywords)
        self.wait_for_agent(program)
        return program

    def end(self, program, number=signal.SIGTERM, code=0):
        program.send_signal(number)
        out, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, code, err)
        return out, err

    def open_gate(self, identifier):
        self.write("go-" + identifier, "")

    def wait_for_state(self, identifier, word):
        """Wait until a task is in a state or has an outcome; returns its entry."""
        def look():
            entry = json.loads(self.rdvtask("show", identifier, "--json").stdout)
            return entry if word in (entry["state"], entry["outcome"]) else None
        return self.wait_for(look, "%s to be %s" % (identifier, word))

    def watch(self, *options):
        return self.popen("watch", "--json", *options)

    def watched(self, program, identifier, outcome):
        """Read what a watch prints up to the end of a task."""
        entries = []
        while not (entries and entries[-1]["identifier"] == identifier and entries[-1]["outcome"] == outcome):
            entries.append(json.loads(self.wait_for_line(program.stdout, "")))
        return entries


class Both(AgentTest):
    """Each verb does the same and says the same, whoever does it."""
    def test_it_is_asked_by_each_name_of_its_store(self):
        os.symlink("store.db", self.path("link.db"))
        program = self.start_agent()
        self.rdvtask("schedule", "quick", "x", "--store", self.path("link.db"))
        self.wait_for_state("x", "succeeded")
        self.end(program)
        program = self.start_agent("--store", self.path("link.db"))
        self.rdvtask("schedule", "quick", "y")
        self.wait_for_state("y", "succeeded")
        self.end(program)

    VARIABLE = ((r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z *", "TIME "), (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
                (r"rdvtask-cli-\w+", "FOLDER"))

    def normal(self, text):
        for pattern, word in self.VARIABLE:
            text = re.sub(pattern, word, text)
        return text

    def do_all(self):
        """[what was asked, and what came of it]"""
        good = self.schedule_file([{"label": "quick", "identifier": "f%d" % i, "start": "+2h", "deadline": "+%dh" % (i + 3),
                                    "context": {"json": {"a": "\"][{\\"}}} for i in range(25)], "good.json")
        other = self.schedule_file([{"label": "quick", "start": "+5h"}], "other.json")
        none = self.schedule_file([], "none.json")
        bad = self.write("bad.json", '{"tasks":[{"label":"a"},{"label":1}]}')
        twice = self.schedule_file([{"label": "a", "identifier": "f1"}, {"label": "b", "identifier": "f1"}], "twice.json")
        # Nothing of this opens its window meanwhile.
        later = ["--start", "2999-01-01T00:00:00.1234567Z"]
        done = []
        for arguments in (
                ["list"], ["list", "--json"], ["history"], ["history", "--json"], ["show", "x"], ["delete", "x"], ["cancel", "x"],
                ["schedule", "quick", "x", *later], ["schedule", "quick", *later, "--json", "--end", "2999-01-01T00:00:01Z"],
                ["schedule", "caf\u00e9 \"\\\t\u202e\U0001f600", "odd \"\\ \u20ac\x01", *later, "--context", "\"\\\n\u20ac"],
                ["schedule", "gate", "x", *later, "--run-limit", "90m", "--context-file", "-"],
                ["schedule", good, none, other], ["schedule", "--json", good], ["schedule", "-q", other], ["schedule", bad],
                ["schedule", good, bad], ["schedule", none], ["schedule", "--json", none], ["schedule", twice],
                ["list"], ["list", "--json"], ["show", "x"], ["show", "x", "--json"], ["show", "odd \"\\ \u20ac\x01", "--json"],
                ["show", b"\xff"], ["show", "x" * 1025], ["show", "missing"], ["delete", "missing"], ["delete", b"\xff"],
                ["cancel", "missing"], ["cancel", "missing", "--json"], ["explain", "missing"], ["explain", b"\xff\n"],
                ["delete", "x"], ["delete", "f2", "--json"], ["delete", "f3", "-q"], ["cancel", "f4"], ["cancel", "f5", "--json"],
                ["cancel", "f6", "-q"], ["history"], ["history", "--json"], ["history", "f4", "--json"], ["history", "--limit", "2"],
                ["history", "missing"], ["history", b"\xff"], ["show", "f4"], ["show", "f4", "--json"],
                ["pause"], ["pause"], ["pause", "--json"], ["list"], ["list", "-q"], ["list", "--json"], ["history"],
                ["explain", "missing"], ["resume", "-q"], ["list"], ["resume"], ["resume", "--json"]):
            program = self.popen(*arguments, stdin=subprocess.PIPE)
            out, err = program.communicate("\x00\x01context" * 1000, timeout=30 * PATIENCE)
            done.append((arguments, program.returncode, self.normal(out), self.normal(err).replace(self.store, "STORE")))
        return done

    def test_each_verb_does_and_says_the_same_with_an_agent_and_without(self):
        self.rdvtask("resume", "-q")  # so that there is a store in both
        alone = self.do_all()
        for name in os.listdir(self.dir):
            os.remove(self.path(name))
        program = self.start_agent()
        asked = self.do_all()
        self.assertEqual([code for _, code, _, _ in asked if code not in (0, 1, 2)], [])
        for one, other in zip(alone, asked):
            self.assertEqual(one, other)
        self.end(program)

    def test_without_an_agent_a_task_waits_for_one(self):
        self.rdvtask("schedule", "quick", "x")
        self.assertEqual(self.rdvtask("explain", "x").stdout, "x: it waits for 'rdvtask run'\n")
        self.assertEqual(json.loads(self.rdvtask("explain", "x", "--json").stdout)["why"], "held")

    def test_what_only_an_agent_can_do_is_2_without_one(self):
        for arguments in (["watch"], ["watch", "--after", "0"], ["reload"]):
            err = self.rdvtask(*arguments, code=2).stderr
            self.assertIn("no agent listens on %s.sock" % self.store, err)
            self.assertIn("'rdvtask run'", err)

    def test_a_store_that_another_program_writes_to_is_75_and_can_be_read(self):
        self.rdvtask("schedule", "quick", "waiting", "--start", "+1h")
        holder = self.popen("start", "gate", "x", "--config", self.document())  # it does not listen
        self.wait_for_line(holder.stdout, "running")
        begin = time.monotonic()
        programs = [self.popen(*arguments) for arguments in (
            ["schedule", "quick"], ["delete", "waiting"], ["cancel", "waiting"], ["explain", "waiting"], ["pause"], ["resume"],
            ["start", "quick", "--config", self.path("agent.json")], ["run", "--config", self.path("agent.json")])]
        for program in programs:
            _, err = program.communicate(timeout=30 * PATIENCE)
            self.assertGreater(time.monotonic() - begin, 0.9, "it might have been for a moment only")
            self.assertEqual(program.returncode, 75, err)
            self.assertIn("rdvtask start", err)
            self.assertIn(str(holder.pid), err)
        self.assertEqual({e["identifier"] for e in self.entries("list")}, {"x", "waiting"})
        self.rdvtask("show", "x")
        self.rdvtask("watch", code=2)
        self.open_gate("x")
        holder.communicate(timeout=30 * PATIENCE)
        self.assertEqual(holder.returncode, 0)

    def test_who_writes_for_a_moment_only_is_waited_for(self):
        begin = time.monotonic()
        programs = [self.popen("schedule", "quick", str(i)) for i in range(8)]
        for program in programs:
            _, err = program.communicate(timeout=30 * PATIENCE)
            self.assertIn(program.returncode, (0, 75), err)
            if program.returncode == 75:  # on a slow machine the moments of the others may take too long
                self.assertGreater(time.monotonic() - begin, 0.9)
        codes = [program.returncode for program in programs]
        self.assertEqual(len(self.entries("list")), codes.count(0))
        self.assertGreaterEqual(codes.count(0), 1)


class Agent(AgentTest):
    def test_the_whole_story(self):
        agent = self.start_agent()
        all_along = self.watch("--after", "0")
        seen = []  # what who watches with interruptions has seen
        self.rdvtask("schedule", "quick", "first")
        watch = self.watch("--after", "0")
        seen += self.watched(watch, "first", "succeeded")
        err = self.end(watch, signal.SIGINT)[1]
        self.assertIn("--after %d'" % seen[-1]["change"], err)

        # Not being watched, things go on.
        self.rdvtask("schedule", self.schedule_file([{"label": "quick", "identifier": "file"},
                                                     {"label": "long", "identifier": "cancelled", "deadline": "+1h"},
                                                     {"label": "quick", "identifier": "behind"}]))
        self.wait_for_state("cancelled", "running")
        watch = self.watch("--after", str(seen[-1]["change"]))
        self.assertIn("cancelling cancelled", self.rdvtask("cancel", "cancelled").stdout)
        seen += self.watched(watch, "behind", "succeeded")
        self.assertEqual([e["outcome"] for e in seen if e["identifier"] == "cancelled"][-1], "cancelled")

        # It is killed in the middle of a task; what was acknowledged is there.
        self.rdvtask("schedule", "gate", "interrupted")
        self.rdvtask("schedule", "quick", "later", "--start", "+1h")
        self.wait_for_state("interrupted", "running")
        history, pending = self.history(), self.entries("list")
        agent.kill()
        agent.wait()
        for program in (watch, all_along):
            rest, err = program.communicate(timeout=30 * PATIENCE)
            self.assertEqual(program.returncode, 1)
            self.assertIn("the agent has gone", err)
        rest = (self.unread.get(watch.stdout, b"").decode() + rest).splitlines()
        last = int(re.search(r"--after (\d+)'", err).group(1))
        self.assertEqual(self.history(), history)
        self.assertEqual([e["run"] for e in self.entries("list")], [e["run"] for e in pending])
        self.rdvtask("schedule", "quick", "alone")  # without an agent

        agent = self.start_agent()
        watch = self.watch("--after", str(last))
        self.open_gate("interrupted")
        after = self.watched(watch, "alone", "succeeded")
        self.end(watch)
        changes = [e["change"] for e in after]
        self.assertGreater(min(changes), last)
        self.assertEqual(changes, sorted(set(changes)))
        ends = {e["identifier"]: e["outcome"] for e in after}
        self.assertEqual((ends["interrupted"], ends["alone"]), ("succeeded", "succeeded"))
        self.assertEqual(dict(self.outcomes()), {"first": "succeeded", "file": "succeeded", "cancelled": "cancelled",
                                                 "behind": "succeeded", "interrupted": "succeeded", "alone": "succeeded"})
        self.assertEqual([e["identifier"] for e in self.entries("list")], ["later"])
        self.end(agent)
        self.assertFalse(os.path.exists(self.store + ".sock"))

    def test_a_watch_that_is_restarted_misses_nothing_and_sees_nothing_twice(self):
        agent = self.start_agent("--max-running", "4")
        self.rdvtask("schedule", "-q", self.schedule_file([{"label": "quick", "identifier": str(i)} for i in range(60)]))
        after, seen, ended = 0, [], 0
        while ended < 60:
            watch = self.watch("--after", str(after))
            for _ in range(11):
                entry = json.loads(self.wait_for_line(watch.stdout, ""))
                seen.append(entry)
                after = entry["change"]
                ended += entry["outcome"] is not None
                if ended == 60:
                    break
            watch.kill()
        changes = [e["change"] for e in seen]
        self.assertEqual(changes, sorted(set(changes)))
        self.assertEqual({e["change"] for e in seen if e["outcome"]}, {e["change"] for e in self.history()})
        self.end(agent)

    def test_a_watch_that_is_late_goes_on_by_itself(self):
        def seen_so_far():
            with open(self.path("seen")) as file:
                return file.read()

        agent = self.start_agent()
        with open(self.path("seen"), "w") as seen:
            watch = self.popen("watch", "--json", "--after", "0", stdout=seen)
        self.rdvtask("schedule", "-q", self.schedule_file([{"label": "quick", "identifier": "first", "start": "+1h"}], "first.json"))
        self.wait_for(lambda: "first" in seen_so_far(), "the first change")
        watch.send_signal(signal.SIGSTOP)
        count = 6000
        self.rdvtask("schedule", "-q", self.schedule_file(
            [{"label": "quick", "identifier": "%d-%s" % (i, "i" * 900), "start": "+1h"} for i in range(count)]))
        self.rdvtask("schedule", "-q", self.schedule_file([{"label": "quick", "identifier": "last", "start": "+1h"}], "last.json"))
        watch.send_signal(signal.SIGCONT)
        self.wait_for(lambda: seen_so_far().endswith("}\n") and '"last"' in seen_so_far(), "the last change", seconds=120)
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=30 * PATIENCE)
        self.assertEqual(watch.returncode, 0, err)
        self.assertIn("changes came faster than they could be shown", err)
        changes = [json.loads(line)["change"] for line in seen_so_far().splitlines()]
        self.assertEqual(changes, list(range(1, count + 3)))
        self.end(agent)

    def test_a_watch_without_a_terminal_is_a_line_a_change_from_now_on(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "quick", "before")
        self.wait_for_state("before", "succeeded")
        watch = self.popen("watch")
        self.wait_for(lambda: self.rdvtask("schedule", "later", "y", "--start", "+1h") and
                      select.select([watch.stdout], [], [], 0.1)[0], "its first line")
        self.assertRegex(self.wait_for_line(watch.stdout, ""), r"^\S+Z y later pending$")
        self.rdvtask("delete", "y")
        self.wait_for_line(watch.stdout, "y later cancelled")
        self.rdvtask("schedule", "bad", "x")
        line = self.wait_for_line(watch.stdout, "")
        self.assertRegex(line, r"^\S+Z x bad pending$")
        self.assertIn("exit code 7", self.wait_for_line(watch.stdout, "x bad failed"))
        last = self.history()[-1]["change"]
        self.assertEqual(self.end(watch)[1], "rdvtask: 'rdvtask watch --after %d' goes on from here\n" % last)
        self.assertIn("the last change of this store is %d" % last, self.rdvtask("watch", "--after", str(last + 1), code=1).stderr)
        self.end(agent)

    def test_each_reason_for_waiting_is_explained(self):
        def explain(identifier):
            answer = json.loads(self.rdvtask("explain", identifier, "--json").stdout)
            words = self.rdvtask("explain", identifier).stdout.splitlines()
            self.assertTrue(words[0].startswith(identifier + ": "))
            if answer["next"]:
                self.assertIn(answer["next"][:19], words[1])
            return answer["why"], words[0]
        agent = self.start_agent()
        self.rdvtask("schedule", "quick", "early", "--start", "2999-01-01T00:00:00Z")
        self.assertEqual(explain("early")[0], "window")
        self.assertIn("2999-01-01T00:00:00Z", explain("early")[1])
        self.rdvtask("schedule", "gate", "runs", "--deadline", "+1h")
        self.wait_for_state("runs", "running")
        self.assertEqual(explain("runs")[0], "running")
        self.rdvtask("schedule", "quick", "waits")
        self.assertEqual(explain("waits")[0], "behind")
        self.rdvtask("pause")
        self.assertEqual(explain("waits")[0], "paused")
        self.assertIn("rdvtask resume", explain("waits")[1])
        self.rdvtask("explain", "missing", code=2)
        self.open_gate("runs")
        self.wait_for_state("runs", "succeeded")
        self.rdvtask("resume")
        self.wait_for_state("waits", "succeeded")
        self.assertIn("'rdvtask show'", self.rdvtask("explain", "waits", code=2).stderr)
        self.end(agent)

    def test_a_rehearsed_reboot_resumes_with_the_next_step_and_holds_up_the_rest(self):
        steps = [{"run": ["sh", "-c", "echo one >> %s; exit 194" % self.path("done")]},
                 {"run": ["sh", "-c", "echo two >> %s" % self.path("done")]}]
        more = {"reboots": {"steps": steps, "reboot": {"run": ["touch", self.path("going-down")]}}}
        boot = self.write("boot-id", "one\n")
        document = self.document(**more)
        agent = self.popen("run", "-q", "--config", document, "--boot-id-file", boot, "--max-running", "2")
        self.wait_for_agent(agent)
        self.rdvtask("schedule", "reboots", "x")
        self.wait_for_file("going-down")
        self.rdvtask("schedule", "quick", "waits")
        self.assertEqual(json.loads(self.rdvtask("explain", "waits", "--json").stdout)["why"], "reboot")
        self.assertEqual([(e["identifier"], e["status"]) for e in self.entries("list")], [("x", "rebooting"), ("waits", "unknown")])
        agent.kill()
        agent.wait()
        self.write("boot-id", "two\n")
        self.rdvtask("run", "--once", "--config", document, "--boot-id-file", boot)
        self.assertEqual(dict(self.outcomes()), {"x": "succeeded", "waits": "succeeded"})
        self.assertEqual(open(self.path("done")).read(), "one\ntwo\n")
        self.assertIn("rebooted", [c["status"] for c in self.history("x")[0]["changes"]])

    def test_paused_nothing_starts_also_after_a_restart(self):
        agent = self.start_agent()
        self.rdvtask("pause")
        self.rdvtask("schedule", "quick", "x")
        self.assertIn("paused", self.rdvtask("list").stderr)
        self.end(agent)
        agent = self.start_agent()
        self.assertEqual(json.loads(self.rdvtask("explain", "x", "--json").stdout)["why"], "paused")
        self.assertEqual([e["state"] for e in self.entries("list")], ["pending"])
        self.rdvtask("resume")
        self.assertEqual(self.rdvtask("list").stderr.count("paused"), 0)
        self.wait_for_state("x", "succeeded")
        self.end(agent)
        self.rdvtask("pause")  # without an agent it is the same
        self.rdvtask("schedule", "quick", "y")
        self.assertEqual(self.rdvtask("list").stderr, "rdvtask: paused: nothing starts before 'rdvtask resume'\n")
        agent = self.start_agent()
        self.assertEqual(json.loads(self.rdvtask("explain", "y", "--json").stdout)["why"], "paused")
        self.assertEqual([e["state"] for e in self.entries("list")], ["pending"])
        self.end(agent)

    def test_a_socket_that_was_removed_is_there_again_after_a_reload(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "long", "runs")
        self.wait_for_state("runs", "running")
        os.remove(self.path("store.db.sock"))
        agent.send_signal(signal.SIGHUP)
        self.wait_for(lambda: os.path.exists(self.path("store.db.sock")), "the socket")
        self.rdvtask("cancel", "runs")
        self.wait_for_state("runs", "cancelled")
        self.assertIn("was made again", self.end(agent)[1])

    def test_reload_takes_a_changed_document_and_a_broken_one_changes_nothing(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "long", "runs", "--deadline", "+1h")
        self.wait_for_state("runs", "running")
        self.write("agent.json", '{"handlers": [\n  {"label": "new"}]}')
        self.assertRegex(self.rdvtask("reload", code=1).stderr,
                         r"^rdvtask: cannot reload: %s:2:3 handlers\[0\]: .+\n$" % self.path("agent.json"))
        self.document(new=["true"])
        self.assertEqual(self.rdvtask("reload").stdout, "reloaded\n")
        self.rdvtask("cancel", "runs")
        self.rdvtask("schedule", "new", "x")
        self.wait_for_state("x", "succeeded")
        self.assertEqual(self.outcomes(), [("runs", "cancelled"), ("x", "succeeded")])
        self.end(agent)

    def test_fifty_clients_at_once_are_all_served(self):
        agent = self.start_agent()
        self.rdvtask("pause")
        programs = [self.popen("schedule", "quick", str(i)) for i in range(50)]
        programs += [self.popen("list", "--json") for _ in range(10)]
        for program in programs:
            _, err = program.communicate(timeout=60 * PATIENCE)
            self.assertEqual(program.returncode, 0, err)
        self.assertEqual({e["identifier"] for e in self.entries("list")}, {str(i) for i in range(50)})
        self.rdvtask("resume")
        self.wait_for(lambda: not self.entries("list"), "all to be done")
        self.assertEqual({e["outcome"] for e in self.history()}, {"succeeded"})
        self.end(agent)

    def test_a_large_context_and_a_long_list_pass_through_the_socket(self):
        agent = self.start_agent()
        self.rdvtask("pause")
        with open(self.path("large"), "wb") as file:
            file.truncate(16 * 1024 * 1024)
        self.rdvtask("schedule", "quick", "large", "--context-file", self.path("large"))
        file = self.schedule_file([{"label": "quick", "identifier": "%05d" % i, "context": "x" * 100} for i in range(5000)])
        self.assertEqual(self.rdvtask("schedule", file).stdout.splitlines()[-1], "and 4980 more")
        entries = {e["identifier"]: e["context_size"] for e in self.entries("list")}
        self.assertEqual((len(entries), entries["large"], entries["04999"]), (5001, 16 * 1024 * 1024, 100))
        self.end(agent)

    def test_a_context_arrives_bit_for_bit(self):
        agent = self.popen("run", "-q", "--config", self.agent(keep=["sh", "-c", "cat > %s/got-$RDV_IDENTIFIER" % self.dir]))
        self.wait_for_agent(agent)
        contexts = [b"", b"\0", b"\xff\xfe", bytes(range(256)), bytes(range(255, -1, -1)) + b"\n"]
        for i, context in enumerate(contexts):
            self.rdvtask("start", "-q", "keep", str(i), "--context-file", self.write("context", context))
        for i, context in enumerate(contexts):
            with open(self.path("got-%d" % i), "rb") as file:
                self.assertEqual(file.read(), context)
        self.end(agent)

    def test_a_running_identifier_is_busy_and_nothing_of_the_document_is_taken(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "gate", "x")
        self.wait_for_state("x", "running")
        self.assertIn("'x' is running", self.rdvtask("schedule", "quick", "x", code=75).stderr)
        self.assertIn("rdvtask cancel", self.rdvtask("delete", "x", code=75).stderr)
        self.rdvtask("schedule", self.schedule_file([{"label": "quick", "identifier": "new"}, {"label": "quick", "identifier": "x"}]),
                     code=75)
        self.rdvtask("start", "quick", "x", code=75)
        self.assertEqual([e["identifier"] for e in self.entries("list")], ["x"])
        self.open_gate("x")
        self.wait_for_state("x", "succeeded")
        self.end(agent)

    def test_the_socket_may_be_elsewhere(self):
        place = self.path("elsewhere.sock")
        agent = self.popen("run", "--config", self.document(), "--socket", place)
        self.wait_for_agent(agent, place)
        for arguments in (["schedule", "quick", "x"], ["delete", "x"], ["cancel", "x"], ["explain", "x"], ["pause"], ["resume"],
                          ["start", "quick", "--config", self.path("agent.json")]):
            err = self.rdvtask(*arguments, code=75).stderr
            self.assertIn("rdvtask run (pid %d), which does not listen on %s.sock" % (agent.pid, self.store), err)
            self.assertIn("give that here too", err)
        for arguments in (["watch"], ["reload"]):
            self.assertIn("give the --socket of the one that runs", self.rdvtask(*arguments, code=2).stderr)
        self.assertNotIn("--socket", self.rdvtask("run", "--config", self.path("agent.json"), code=75).stderr)
        self.rdvtask("schedule", "quick", "x", "--socket", place)
        self.assertEqual(oct(os.stat(place).st_mode & 0o777), "0o600")
        self.wait_for_state("x", "succeeded")
        self.end(agent)

    def test_a_place_that_is_no_good_for_a_socket_is_an_error_if_it_was_asked_for(self):
        self.write("file", "")
        document = self.document()
        self.assertIn("not a socket", self.rdvtask("run", "--once", "--socket", self.path("file"), "--config", document, code=1).stderr)
        self.assertEqual(open(self.path("file")).read(), "")
        self.assertIn("no-such-group", self.rdvtask("run", "--once", "--reader-group", "no-such-group", "--config", document,
                                                    code=1).stderr)
        self.write("store.db.sock", "")
        self.rdvtask("schedule", "quick", "x")
        self.assertIn("--socket", self.rdvtask("run", "--once", "--config", document).stderr)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_who_is_in_the_reader_group_reads_and_changes_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("only root can play another user")
        self.unprivileged()
        try:
            group = grp.getgrgid(65534).gr_name
        except KeyError:
            self.skipTest("no group has the number 65534")
        os.chmod(self.dir, 0o711)
        agent = self.start_agent("--reader-group", group)
        self.rdvtask("schedule", "gate", "x")
        self.wait_for_state("x", "running")
        reader = {"user": 12345, "group": 65534, "extra_groups": []}
        member = {"user": 12345, "group": 12345, "extra_groups": [65534]}
        stranger = {"user": 12345, "group": 12345, "extra_groups": []}
        for who in (reader, member):
            self.assertIn('"identifier":"x"', self.rdvtask("list", "--json", **who).stdout)
            self.rdvtask("show", "x", **who)
            self.rdvtask("explain", "x", **who)
            self.rdvtask("history", **who)
            watch = self.popen("watch", "--json", "--after", "0", **who)
            self.assertIn('"x"', self.wait_for_line(watch.stdout, ""))
            self.end(watch)
            for arguments in (["schedule", "quick", "y"], ["delete", "x"], ["cancel", "x"], ["pause"], ["resume"], ["reload"],
                              ["start", "quick"]):
                self.assertIn("only read", self.rdvtask(*arguments, code=1, **who).stderr)
        for arguments in (["list"], ["watch"], ["cancel", "x"]):
            self.assertNotEqual(self.rdvtask(*arguments, code=1, **stranger).stderr, "")
        self.assertEqual([(e["identifier"], e["cancelling"]) for e in self.entries("list")], [("x", False)])
        self.open_gate("x")
        self.wait_for_state("x", "succeeded")
        self.end(agent)

    def test_a_folder_that_the_reader_group_cant_pass_is_named(self):
        group = grp.getgrgid(os.getegid())
        other = next((g for g in grp.getgrall() if g.gr_gid != group.gr_gid and os.geteuid() == 0), None)
        os.mkdir(self.path("in"), 0o700)
        real = os.path.realpath(self.dir)
        place = os.path.join(self.path("in"), "socket")
        for who, folder_mode, mode, told in ((group, 0o711, 0o700, "in"), (group, 0o711, 0o710, None), (group, 0o701, 0o710, ""),
                                             (other, 0o711, 0o710, "in"), (other, 0o711, 0o701, None), (other, 0o710, 0o701, "")):
            if who is None:
                continue  # only root can give it to any group
            os.chmod(self.dir, folder_mode)
            os.chmod(self.path("in"), mode)
            agent = self.popen("run", "-q", "--config", self.document(), "--socket", place, "--reader-group", who.gr_name)
            self.wait_for_agent(agent, place)
            _, err = self.end(agent)
            if told is None:
                self.assertNotIn("may not pass the folder " + real, err)
            else:
                self.assertIn("group '%s' can't reach the socket, as they may not pass the folder %s:" % (
                    who.gr_name, os.path.join(real, told).rstrip("/")), err)

    def test_a_client_that_is_stopped_or_talks_nonsense_holds_up_nobody(self):
        agent = self.start_agent()
        stopped = self.watch("--after", "0")
        self.wait_for(lambda: len(os.listdir("/proc/%d/task" % stopped.pid)) > 1, "its threads")
        stopped.send_signal(signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX) as half, socket.socket(socket.AF_UNIX) as nonsense:
            half.connect(self.store + ".sock")
            half.sendall(b'{"jsonrpc":"2.0","id":1,"meth')
            nonsense.connect(self.store + ".sock")
            nonsense.sendall(b"\xff\xfe\n{}\n[]\n" + b"x" * 100000 + b"\n")
            self.rdvtask("schedule", "quick", "x")
            self.wait_for_state("x", "succeeded")
        stopped.kill()
        self.end(agent)

    def test_idle_with_an_open_socket_nothing_wakes(self):
        with open(RDVTASK, "rb") as file:
            if b"__tsan_init" in file.read():
                self.skipTest("the thread sanitizer has a thread of its own that wakes up")
        agent = self.start_agent()
        self.rdvtask("schedule", "quick", "x", "--start", "+1h")
        watch = self.watch("--after", "0")
        self.wait_for_line(watch.stdout, "pending")
        self.end(watch)
        self.wait_until_still(agent, 5)
        self.end(agent)


class Start(AgentTest):
    """The verb start, where the agent runs the task."""
    def test_the_agent_runs_it_and_its_end_is_the_exit_code(self):
        agent = self.start_agent()
        self.assertIn("x quick succeeded", self.rdvtask("start", "quick", "x").stdout)
        result = self.rdvtask("start", "bad", "y", code=1)
        self.assertIn("  | no luck\n", result.stderr)
        self.assertNotIn("x quick", result.stdout)
        self.rdvtask("start", "long", "z", "--run-limit", "200ms", code=124)
        self.rdvtask("start", "quick", "w", "--end", "-1s", code=124)
        lines = self.rdvtask("start", "quick", "--json", "v").stdout.splitlines()
        self.assertEqual({json.loads(line)["identifier"] for line in lines}, {"v"})
        self.assertEqual(json.loads(lines[-1])["outcome"], "succeeded")
        self.assertEqual(self.outcomes(), [("x", "succeeded"), ("y", "failed"), ("z", "timed-out"), ("w", "expired"), ("v", "succeeded")])
        self.end(agent)

    def test_it_comes_before_all_that_is_ready(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "gate", "runs")
        self.wait_for_state("runs", "running")
        self.rdvtask("schedule", "quick", "first", "--deadline", "1999-01-01T00:00:00Z")
        program = self.popen("start", "quick", "x")
        self.wait_for_line(program.stdout, "x quick")
        self.open_gate("runs")
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0)
        self.wait_for_state("first", "succeeded")
        self.assertEqual([identifier for identifier, _ in self.outcomes()], ["runs", "x", "first"])
        self.end(agent)

    def test_what_puts_it_first_is_no_deadline_to_be_shown(self):
        agent = self.start_agent()
        self.rdvtask("schedule", "gate", "runs")
        self.wait_for_state("runs", "running")
        program = self.popen("start", "quick", "x", "--json")
        entry = json.loads(self.wait_for_line(program.stdout, '"x"'))
        verbs = (["list"], ["list", "--json"], ["show", "x"], ["show", "x", "--json"])
        asked = [self.rdvtask(*arguments).stdout for arguments in verbs]
        agent.kill()
        agent.wait()
        self.may_leave_processes = True
        self.assertEqual(program.wait(timeout=30 * PATIENCE), 1)
        alone = [self.rdvtask(*arguments).stdout for arguments in verbs]
        self.assertIsNone(entry["deadline"])
        self.assertEqual(asked, alone)
        for text in asked:
            self.assertNotIn("1601", text)

    def test_what_holds_it_up_is_said_once_with_the_way_out(self):
        agent = self.start_agent()
        self.rdvtask("pause")
        loud, quiet = self.popen("start", "quick", "x"), self.popen("start", "quick", "y", "-q")
        line = self.wait_for_line(loud.stderr, "paused")
        self.assertRegex(line, "^rdvtask: x: .*'rdvtask resume'")
        self.wait_for_state("x", "pending")
        self.wait_for(lambda: len(self.entries("list")) == 2, "both to be scheduled")
        self.rdvtask("resume")
        for program in (loud, quiet):
            _, err = program.communicate(timeout=30 * PATIENCE)
            self.assertEqual((program.returncode, err), (0, ""))
        self.rdvtask("schedule", "gate", "runs")
        self.wait_for_state("runs", "running")
        program = self.popen("start", "quick", "z")
        self.assertIn("z: 1 of at most 1 is running", self.wait_for_line(program.stderr, "z"))
        self.open_gate("runs")
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(self.rdvtask("start", "quick", "free").stderr, "")
        self.end(agent)

    def test_a_reboot_that_is_due_is_said_with_an_agent_and_without(self):
        document = self.document(reboots={"steps": [{"run": ["sh", "-c", "exit 194"]}],
                                          "reboot": {"run": ["touch", self.path("going-down")]}})
        boot = self.write("boot-id", "one\n")
        agent = self.popen("run", "-q", "--config", document, "--boot-id-file", boot)
        self.wait_for_agent(agent)
        self.rdvtask("schedule", "reboots", "first")
        self.wait_for_file("going-down")
        program = self.popen("start", "quick", "x")
        self.wait_for_line(program.stderr, "x: first is about to reboot the machine")
        self.wait_for_line(program.stdout, "x quick")  # it listens to signals now
        self.end(program, signal.SIGINT, code=130)
        agent.kill()
        agent.wait()
        program = self.popen("start", "quick", "x", "--config", document)
        self.wait_for_line(program.stderr, "another task needs a reboot before this one starts: end this, then 'rdvtask run'")
        self.end(program, signal.SIGINT, code=130)

    def test_the_end_of_another_task_is_not_its_end(self):
        agent = self.start_agent("--max-running", "2")
        program = self.popen("start", "gate", "x", "--json")
        self.wait_for_line(program.stdout, '"x"')
        self.wait_for_state("x", "running")
        self.rdvtask("schedule", "bad", "other")
        self.wait_for_state("other", "failed")
        self.open_gate("x")
        out, _ = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0)
        self.assertNotIn("other", out)
        self.end(agent)

    def test_an_interruption_cancels_it_and_is_130(self):
        agent = self.start_agent()
        program = self.popen("start", "long", "x")
        self.wait_for_line(program.stdout, "x long")
        self.wait_for_state("x", "running")
        _, err = self.end(program, signal.SIGINT, code=130)
        self.assertIn("cancelling", err)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])
        self.assertEqual(self.processes_left(), {})
        self.end(agent)

    def test_an_interruption_before_the_agent_has_answered_cancels_it_too(self):
        agent = self.start_agent()
        programs = []

        def interrupt(line):
            if b'"method":"schedule"' in line:
                self.wait_for(lambda: [e for e in self.entries("list") if e["state"] == "running"], "the task")
                programs[0].send_signal(signal.SIGINT)

        between = self.path("between.sock")
        with Relay(between, self.store + ".sock", interrupt):
            programs.append(self.popen("start", "long", "x", "--socket", between))
            programs[0].communicate(timeout=30 * PATIENCE)
        self.assertEqual(programs[0].returncode, 130)
        self.assertEqual(self.outcomes(), [("x", "cancelled")])
        self.end(agent)

    def test_when_the_agent_goes_it_is_1_and_the_task_goes_on_later(self):
        agent = self.start_agent()
        program = self.popen("start", "gate", "x")
        self.wait_for_line(program.stdout, "x gate")
        self.wait_for_state("x", "running")
        agent.kill()
        agent.wait()
        _, err = program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 1)
        self.assertIn("'rdvtask run' goes on with it", err)
        self.open_gate("x")
        self.rdvtask("run", "--once", "--config", self.path("agent.json"))
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_a_task_that_needs_a_reboot_is_3(self):
        document = self.agent(reboot=["sh", "-c", "exit 194"])
        self.rdvtask("start", "reboot", "x", "--config", document, code=3)
        self.assertEqual(self.outcomes(), [("x", "succeeded")])
        agent = self.popen("run", "--config", document)
        self.wait_for_agent(agent)
        self.rdvtask("start", "reboot", "y", code=3)
        self.end(agent)


class Plugin(ProgramTest):
    """A task agent from a shared library."""
    def setUp(self):
        super().setUp()
        compiler = shutil.which("cc")
        source = os.path.join(ROOT, "examples", "plugin.c")
        if not compiler:
            self.skipTest("there is no C compiler")
        self.plugin = self.path("plugin.so")
        subprocess.run([compiler, "-std=c11", "-shared", "-fPIC", "-I", os.path.join(ROOT, "include"), "-o", self.plugin, source],
                       check=True)
        os.chmod(self.plugin, 0o755)

    def test_it_does_what_is_scheduled(self):
        self.rdvtask("schedule", "update", "x", "--context", "hello")
        self.rdvtask("run", "--once", "--plugin", self.plugin, "--plugin-config", "10")
        self.assertEqual(self.outcomes(), [("x", "succeeded")])

    def test_it_has_no_document_to_reload(self):
        program = self.popen("run", "--plugin", self.plugin)
        self.wait_for_agent(program)
        self.assertIn("plug-in", self.rdvtask("reload", code=1).stderr)
        program.send_signal(signal.SIGHUP)
        self.wait_for_line(program.stderr, "plug-in")
        program.terminate()
        program.communicate(timeout=30 * PATIENCE)
        self.assertEqual(program.returncode, 0)

    def test_one_that_shuts_down_by_itself_ends_the_run(self):
        faulty = self.path("faulty.so")
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-I", os.path.join(ROOT, "include"),
                        "-o", faulty, os.path.join(ROOT, "test", "plugin", "modules", "faulty.c"), "-lpthread"], check=True)
        os.chmod(faulty, 0o755)
        result = self.rdvtask("run", "--plugin", faulty, "--plugin-config", "resigns",
                              self.schedule_file([{"label": "any", "identifier": "x"}]), code=1)
        self.assertIn("the task agent 'Faulty' has shut down by itself: input or output failed", result.stderr)

    def test_one_that_others_may_write_to_or_that_is_none_is_refused(self):
        os.chmod(self.plugin, 0o777)
        self.assertIn("plugin.so", self.rdvtask("run", "--once", "--plugin", self.plugin, code=1).stderr)
        self.write("text.so", "text")
        self.assertIn("text.so", self.rdvtask("run", "--once", "--plugin", self.path("text.so"), code=1).stderr)
        self.rdvtask("run", "--once", "--plugin", self.path("missing.so"), code=1)


if __name__ == "__main__":
    tap.main()
