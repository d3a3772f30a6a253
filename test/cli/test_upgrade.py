# SPDX-License-Identifier: MIT
"""Steps that are left running over a restart of rdvtask, up to the one that replaces and restarts it; and what else a supervisor
does for the program: users, folders, limits, and whole trees."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import unittest

import tap
from program import PATIENCE, RDVTASK, ProgramTest, sanitized

CHILD = os.path.join(os.path.dirname(RDVTASK), "..", "child", "rdvtask-child")


class Upgrade(ProgramTest):
    def setUp(self):
        super().setUp()
        if not os.access(CHILD, os.X_OK):
            self.skipTest("needs rdvtask-child of the same build")

    def install(self):
        """Have the two programs in a folder of our own, as in a build's."""
        for folder, program in (("cli", RDVTASK), ("child", CHILD)):
            os.mkdir(self.path(folder))
            shutil.copy(program, self.path(folder))
        return self.path("cli/rdvtask")

    def leaving(self, *argv, **more):
        return self.agent(job=dict({"steps": [{"run": list(argv)}], "on_stop": "leave"}, **more))

    def serve(self, config, *arguments):
        program = self.popen("run", "--config", config, "--quiet", *arguments)
        return program

    def stop(self, program, number=signal.SIGTERM):
        program.send_signal(number)
        program.communicate(timeout=60 * PATIENCE)
        self.programs.remove(program)
        return program.returncode

    def script(self, text):
        return self.write("script.sh", text)

    def marks(self):
        try:
            with open(self.path("marks")) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def asked(self, *arguments):
        """What a command says; nothing if the agent that was asked went in the middle of its answer: "try again later" (75)."""
        done = self.popen(*arguments)
        out, err = done.communicate(timeout=60 * PATIENCE)
        if done.returncode == 75:
            self.assertIn("the agent has gone", err)
            return ""
        self.assertEqual(done.returncode, 0, err)
        return out

    def finished(self, identifier="one"):
        return [entry for entry in json.loads(self.asked("history", "--json") or "[]") if entry["identifier"] == identifier]

    def wait_for_end(self, identifier="one"):
        return self.wait_for(lambda: self.finished(identifier), "the end of the task")[0]

    def output(self, identifier="one"):
        return self.rdvtask("show", identifier).stdout

    def records(self):
        folder = self.store + ".run.d"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return [name for name in names if not name.endswith(".new")]  # the room for its end

    # ------------------------------------------------------------------ upgrades

    def check_upgrade(self, restart, run_by):
        """A task replaces rdvtask and has it restarted, goes on for a while, and ends well."""
        program = self.install()
        self.write("agent.sh", "#!/bin/sh\nexec %s run --clock-wait 0 --store %s --config %s --quiet"
                               " >>%s 2>&1 </dev/null 3>&-\n"
                   % (program, self.store, self.path("agent.json"), self.path("agent.log")))
        script = self.script("""
            echo began; echo begun >>marks
            old=$(cat agent.pid)
            for program in cli/rdvtask child/rdvtask-child; do
                cp $program $program.new && mv $program.new $program || exit 1
            done
            kill -TERM $old
            while kill -0 $old 2>/dev/null; do sleep 0.03; done
            echo stopped >>marks
            %s
            until [ -e go ]; do sleep 0.03; done
            echo PROGRESS=90 >&3
            echo done >>marks; echo went on to the end
            exit 0
            """ % restart)
        config = self.leaving("sh", script, directory=self.dir)
        self.schedule_file([{"label": "job", "identifier": "one"}])
        run_by(program, config)
        entry = self.wait_for_end()
        self.assertEqual(self.marks().count("begun"), 1, "it ran once")
        self.assertEqual(self.marks(), ["begun", "stopped", "done"])
        self.assertEqual(entry["outcome"], "succeeded")
        self.assertEqual(entry["attempt"], 1)
        self.assertIn("began", self.output())
        self.assertIn("went on to the end", self.output())
        self.assertEqual(self.records(), [])

    def start_agent(self):
        agent = subprocess.Popen(["sh", self.path("agent.sh")], cwd=self.dir)
        self.write("agent.pid", "%d\n" % agent.pid)
        self.wait_for_agent(agent)
        return agent

    def let_it_go_on(self):
        """Let the task go on once the new agent follows it."""
        self.wait_for(lambda: "left running over a restart" in self.asked("show", "one"), "the new agent")
        self.write("go", "")

    def test_a_task_may_replace_rdvtask_and_have_the_service_manager_restart_it(self):
        def manage(program, config):
            agent = self.start_agent()
            self.rdvtask("schedule", self.path("schedule.json"))
            self.wait_for(lambda: agent.poll() is not None, "the first agent's end")
            self.assertEqual(agent.returncode, 0)
            agent = self.start_agent()
            self.let_it_go_on()
            self.wait_for_end()
            self.assertIsNone(agent.poll())
            agent.terminate()
            self.assertEqual(agent.wait(60 * PATIENCE), 0)

        self.check_upgrade("", manage)

    def test_a_task_may_replace_rdvtask_and_restart_it_itself(self):
        def watch(program, config):
            agent = self.start_agent()
            self.rdvtask("schedule", self.path("schedule.json"))
            self.assertEqual(agent.wait(60 * PATIENCE), 0)
            self.let_it_go_on()
            self.wait_for_end()
            # The new agent was the task's own descendant, and has not ended with it.
            with open(self.path("agent.pid")) as file:
                new = int(file.read())
            self.assertNotEqual(new, agent.pid)
            time.sleep(0.2)
            os.kill(new, signal.SIGTERM)

        self.check_upgrade("sh agent.sh & echo $! >agent.pid", watch)

    # -------------------------------------------------------------- left running

    def test_a_step_that_is_left_running_is_followed_again(self):
        script = self.script("echo x >>marks; echo out; until [ -e go ]; do sleep 0.03; done; echo more; exit 3")
        config = self.leaving("sh", script, directory=self.dir)
        self.rdvtask("schedule", "job", "one")
        self.assertEqual(self.stop(self.run_until_marked(config)), 0)
        self.assertEqual(len(self.records()), 1)
        self.assertEqual(os.stat(self.store + ".run.d").st_mode & 0o777, 0o700)
        again = self.serve(config)
        self.wait_for(lambda: "left running over a restart" in self.output(), "the new agent")
        self.write("go", "")
        entry = self.wait_for_end()
        self.assertEqual((entry["outcome"], entry["code"], entry["attempt"]), ("failed", 3, 1))
        self.assertEqual(self.marks(), ["x"])
        self.assertIn("more", self.output())
        self.stop(again)
        self.assertEqual(self.records(), [])

    def run_until_marked(self, config, count=1):
        program = self.serve(config)
        self.wait_for(lambda: len(self.marks()) >= count, "the step")
        return program

    def test_a_step_outlives_an_agent_that_is_killed(self):
        script = self.script("echo x >>marks; until [ -e go ]; do sleep 0.03; done; echo out")
        config = self.leaving("sh", script, directory=self.dir, on_interrupt="fail")
        self.rdvtask("schedule", "job", "one")
        self.stop(self.run_until_marked(config), signal.SIGKILL)
        again = self.serve(config)
        self.write("go", "")
        self.assertEqual(self.wait_for_end()["outcome"], "succeeded")
        self.assertEqual(self.marks(), ["x"])
        self.stop(again)

    def test_the_end_of_a_step_that_came_while_nobody_followed_it_is_learnt(self):
        script = self.script("echo x >>marks; until [ -e go ]; do sleep 0.03; done; echo out; exit 7")
        config = self.leaving("sh", script, directory=self.dir)
        self.rdvtask("schedule", "job", "one")
        self.stop(self.run_until_marked(config))
        self.write("go", "")
        self.assertEqual(self.processes_left(20), {})
        again = self.serve(config)
        entry = self.wait_for_end()
        self.assertEqual((entry["outcome"], entry["code"]), ("failed", 7))
        self.assertIn("out", self.output())
        self.assertEqual(self.marks(), ["x"])
        self.stop(again)

    def test_the_next_step_follows_one_that_was_left_running(self):
        config = self.agent(job={"steps": [
            {"run": ["sh", "-c", "echo x >>marks; until [ -e go ]; do sleep 0.03; done"]},
            {"run": ["sh", "-c", "echo y >>marks"]}], "on_stop": "leave", "directory": self.dir})
        self.rdvtask("schedule", "job", "one")
        self.stop(self.run_until_marked(config))
        self.write("go", "")
        again = self.serve(config)
        self.assertEqual(self.wait_for_end()["outcome"], "succeeded")
        self.assertEqual(self.marks(), ["x", "y"])
        self.stop(again)

    def test_a_step_that_was_left_running_can_be_cancelled_with_its_tree(self):
        script = self.script("trap '' TERM; setsid sleep 300 & echo x >>marks; while :; do sleep 1; done")
        config = self.leaving("sh", script, directory=self.dir, grace="100ms")
        self.rdvtask("schedule", "job", "one")
        self.stop(self.run_until_marked(config))
        again = self.serve(config)
        self.wait_for(lambda: "left running" in self.output(), "the new agent")
        self.rdvtask("cancel", "one")
        self.assertEqual(self.wait_for_end()["outcome"], "cancelled")
        self.stop(again)

    def test_a_step_whose_supervisor_was_killed_counts_as_interrupted(self):
        script = self.script("echo x >>marks; [ $RDV_ATTEMPT = 2 ] || exec sleep 300")
        for when in ("followed again", "not followed"):
            with self.subTest(when=when):
                identifier = when.split()[0]
                config = self.leaving("sh", script, directory=self.dir)
                self.rdvtask("schedule", "job", identifier)
                before = len(self.marks())
                self.stop(self.run_until_marked(config, before + 1))
                again = None
                if when == "followed again":
                    again = self.serve(config)
                    self.wait_for(lambda: "left running" in self.rdvtask("show", identifier).stdout, "the new agent")
                with open(os.path.join(self.store + ".run.d", self.records()[0])) as file:
                    os.kill(int(file.read().split()[3]), signal.SIGKILL)
                if not again:
                    self.assertEqual(self.processes_left(20), {})
                    again = self.serve(config)
                entry = self.wait_for_end(identifier)
                self.assertEqual((entry["outcome"], entry["attempt"]), ("succeeded", 2))
                self.assertEqual(len(self.marks()), before + 2)
                self.stop(again)

    def test_a_step_whose_supervisor_was_killed_ends_with_its_tree(self):
        script = self.script("(setsid sleep 300 & echo x >>marks; sleep 300 & echo x >>marks); kill -9 $PPID; sleep 300")
        for on_stop in ("kill", "leave"):
            with self.subTest(on_stop=on_stop):
                config = self.agent(job={"steps": [{"run": ["sh", script]}], "on_stop": on_stop, "directory": self.dir,
                                         "on_interrupt": "fail"})
                result = self.rdvtask("start", "--config", config, "--verbose", "job", on_stop, code=1)
                # They have ended before the run has: it takes no time to wait for.
                self.assertEqual(self.processes_left(0), {})
                said = result.stdout + result.stderr
                self.assertIn("step 1 of 1 (sh): its supervisor, rdvtask-child, was killed by signal 9 (SIGKILL)", said)
                self.assertIn("that the killed rdvtask-child of step 1 had left behind", said)

    def test_other_documents_still_end_their_steps_at_a_stop(self):
        script = self.script("echo x >>marks; exec sleep 300")
        config = self.agent(job={"steps": [{"run": ["sh", script]}], "directory": self.dir})
        self.rdvtask("schedule", "job", "one")
        self.stop(self.run_until_marked(config))
        self.assertEqual(self.processes_left(), {})

    def test_records_of_runs_that_nobody_knows_are_deleted(self):
        folder = self.store + ".run.d"
        config = self.agent(true=["true"])
        self.rdvtask("schedule", "true", "one", "--start", "+1h")
        os.mkdir(folder, 0o700)
        for name in ("77-0-1", "77-0-1.new", "-3-1-2"):
            self.write(os.path.join(folder, name), "rdvtask-child 1\n")
        self.write(os.path.join(folder, "else"), "")
        self.rdvtask("run", "--config", config, "--quiet", "--once", "--until", "+500ms")
        self.assertEqual(self.records(), ["else"])

    def test_a_folder_for_records_that_others_may_write_to_is_refused(self):
        config = self.leaving("true")
        os.mkdir(self.store + ".run.d")
        os.chmod(self.store + ".run.d", 0o777)
        result = self.rdvtask("start", "--config", config, "job", code=1)
        self.assertIn("only its owner", result.stdout + result.stderr)

    # ---------------------------------------------------- users, folders, limits

    def test_a_step_runs_as_the_user_in_the_folder_and_within_the_limits(self):
        name = pwd.getpwuid(os.geteuid()).pw_name
        more = {"directory": "/usr", "limits": {"files": 77, "file_size": "1M", "cpu": "1m"}}
        wanted = ["Max open files 77 77", "Max file size 1048576 1048576", "Max cpu time 60 65"]
        if not sanitized():
            more["limits"]["memory"] = "1G"
            wanted.append("Max address space 1073741824 1073741824")
        if os.geteuid() == 0:
            name = more["user"] = "nobody"
        config = self.agent(job=dict({"steps": [{"run": ["sh", "-c", "id -un; pwd; cat /proc/self/limits"]}]}, **more))
        self.rdvtask("start", "--config", config, "job", "one")
        shown = " ".join(self.output().split())
        self.assertIn(name + " ", shown)
        self.assertIn("/usr ", shown)
        for words in wanted:
            self.assertIn(words, shown)

    def test_a_user_or_folder_that_is_not_there_is_told(self):
        for more, words in (({"user": "no-such-user"}, "no user 'no-such-user'"),
                            ({"directory": "/nonexistent"}, "cannot go to '/nonexistent'")):
            with self.subTest(more=more):
                config = self.agent(job=dict({"steps": [{"run": ["true"]}]}, **more))
                result = self.rdvtask("start", "--config", config, "job", code=1)
                self.assertIn(words, result.stdout + result.stderr)

    def test_becoming_another_user_takes_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be another user")
        keywords = self.unprivileged()
        config = self.agent(job={"steps": [{"run": ["true"]}], "user": "root"})
        os.chmod(self.dir, 0o755)
        for path in (self.dir, config):
            os.chown(path, 65534, 65534)
        result = self.rdvtask("start", "--config", config, "job", code=1, **keywords)
        self.assertIn("cannot become user 'root'", result.stdout + result.stderr)

    def test_where_rdvtask_child_can_t_be_run_nothing_runs_without(self):
        for name in ("cli", "child"):
            os.mkdir(self.path(name))
        shutil.copy(RDVTASK, self.path("cli"))
        self.write("child/rdvtask-child", "no program")
        config = self.agent(plain=["touch", self.path("ran")])
        result = subprocess.run([self.path("cli/rdvtask"), "start", "--store", self.path("other.db"), "--config", config,
                                 "plain"], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("cannot look for rdvtask-child", result.stderr)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_without_rdvtask_child_only_those_steps_fail_that_need_it(self):
        os.mkdir(self.path("bin"))
        shutil.copy(RDVTASK, self.path("bin"))
        config = self.agent(plain=["true"], left={"steps": [{"run": ["true"]}], "on_stop": "leave"},
                            limited={"steps": [{"run": ["true"]}], "limits": {"files": 9}})
        installed = subprocess.run([self.path("bin/rdvtask"), "start", "--store", self.store, "--clock-wait", "0", "--config",
                                    config, "plain"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8")
        if "rdvtask-child is missing" not in installed.stderr:
            self.skipTest("rdvtask-child is installed")
        self.assertEqual(installed.returncode, 0)
        for label, key in (("left", "on_stop"), ("limited", "limits")):
            result = subprocess.run([self.path("bin/rdvtask"), "start", "--store", self.store, "--clock-wait", "0", "--config",
                                     config, label], stderr=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
            self.assertEqual(result.returncode, 1)
            self.assertIn('"%s" of the handler needs the program rdvtask-child' % key, result.stdout + result.stderr)

    def test_a_cancel_ends_whole_trees(self):
        script = self.script("trap '' TERM; setsid sleep 300 & (sleep 300 &) ; (trap '' TERM; exec sleep 300) & "
                             "echo x >>marks; while :; do sleep 1; done")
        config = self.agent(job={"steps": [{"run": ["sh", script]}], "directory": self.dir, "grace": "100ms"})
        self.rdvtask("schedule", "job", "one")
        agent = self.run_until_marked(config)
        self.rdvtask("cancel", "one")
        self.assertEqual(self.wait_for_end()["outcome"], "cancelled")
        self.assertEqual(list(self.processes_left(0).values()), [])
        self.stop(agent)


if __name__ == "__main__":
    tap.main()
