#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
kill -9 of `rdvtask run --once` at random moments, with restarts, until everything is done.

What must hold: every task ends, once, as succeeded; nothing that was printed as ended is lost or changed; each task's work was
done at least once; no process is left behind. Usage: kill9.py [ROUNDS [SEED]], with RDVTASK in the environment.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from program import PATIENCE, RDVTASK, marked_processes  # noqa: E402

TASKS_A_ROUND = 4


class Campaign:
    def __init__(self, rounds, seed):
        self.rounds = rounds
        self.random = random.Random(seed)
        self.dir = tempfile.mkdtemp(prefix="rdvtask-kill9-")
        self.store = os.path.join(self.dir, "store.db")
        self.mark = "TEST_MARK=" + uuid.uuid4().hex
        self.acknowledged = {}  # run -> the entry as it was printed
        self.count = rounds * TASKS_A_ROUND

    def write(self, name, document):
        path = os.path.join(self.dir, name)
        with open(path, "w") as file:
            json.dump(document, file)
        return path

    def prepare(self):
        work = "sleep 0.0$((RDV_RUN % 7)); echo $RDV_IDENTIFIER >> " + self.dir + "/done"
        tree = "sleep 0.03 & sleep 0.02 & echo $RDV_IDENTIFIER >> " + self.dir + "/done; wait"
        name, value = self.mark.split("=")
        self.agent = self.write("agent.json", {"environment": {name: value}, "handlers": [
            {"label": "one", "steps": [{"run": ["sh", "-c", work]}]},
            {"label": "two", "steps": [{"status": "downloading", "run": ["true"]}, {"run": ["sh", "-c", tree]}]},
            {"label": "again", "steps": [{"run": ["sh", "-c", "[ $RDV_ATTEMPT -gt 1 ] || exit 75; " + work], "retries": 2,
                                          "retry_delay": "10ms"}]}]})
        labels = ["one", "two", "again"]
        tasks = [{"label": self.random.choice(labels), "identifier": "t%05d" % i, "context": "x" * self.random.randrange(5000)}
                 for i in range(self.count)]
        subprocess.run([RDVTASK, "schedule", "-q", self.write("schedule.json", {"tasks": tasks}), "--store", self.store],
                       check=True)

    def take(self, out):
        """Remember what was printed in whole lines: that much was acknowledged."""
        for line in out.split(b"\n")[:-1]:
            entry = json.loads(line)
            if entry["state"] == "finished":
                if entry["run"] in self.acknowledged and self.acknowledged[entry["run"]] != entry:
                    raise AssertionError("run %d ended twice: %s, %s" % (entry["run"], self.acknowledged[entry["run"]], entry))
                self.acknowledged[entry["run"]] = entry

    def start(self):
        return subprocess.Popen([RDVTASK, "run", "--once", "--json", "--clock-wait", "0", "--max-running",
                                 str(self.random.randrange(1, 4)), "--config", self.agent, "--store", self.store],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check_acknowledged(self):
        result = subprocess.run([RDVTASK, "history", "--json", "--store", self.store], stdout=subprocess.PIPE, check=True)
        stored = {}
        for entry in json.loads(result.stdout):
            del entry["changes"]
            stored[entry["run"]] = entry
        for run, entry in self.acknowledged.items():
            if stored.get(run) != entry:
                raise AssertionError("acknowledged as %s, but stored as %s" % (entry, stored.get(run)))
        return stored

    def run(self):
        self.prepare()
        kills = 0
        while kills < self.rounds:
            program = self.start()
            time.sleep(self.random.uniform(0, 0.25))
            ended = program.poll() is not None
            program.send_signal(signal.SIGKILL)
            out, err = program.communicate()
            self.take(out)
            if ended:
                if program.returncode != 0:
                    raise AssertionError("exit code %d: %s" % (program.returncode, err.decode()))
                break
            kills += 1
            self.check_acknowledged()
        program = self.start()
        out, err = program.communicate(timeout=120 * PATIENCE)
        self.take(out)
        if program.returncode != 0:
            raise AssertionError("the last run: exit code %d: %s" % (program.returncode, err.decode()))
        stored = self.check_acknowledged()
        identifiers = sorted(entry["identifier"] for entry in stored.values())
        if identifiers != ["t%05d" % i for i in range(self.count)]:
            raise AssertionError("not every task ended exactly once: %s" % identifiers)
        bad = [entry for entry in stored.values() if entry["outcome"] != "succeeded"]
        if bad:
            raise AssertionError("%d did not succeed: %s" % (len(bad), bad[:3]))
        with open(os.path.join(self.dir, "done")) as file:
            done = file.read().split()
        if sorted(set(done)) != identifiers:
            raise AssertionError("work that was not done: %s" % (set(identifiers) - set(done)))
        left = marked_processes(self.mark)
        if left:
            raise AssertionError("processes were left behind: %s" % left)
        print("%d kills, %d tasks, each ended once; %d ends acknowledged, none lost or changed; work done %d times" %
              (kills, self.count, len(self.acknowledged), len(done)))

    def clean(self):
        for pid in marked_processes(self.mark):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print("seed %d" % seed, flush=True)
    campaign = Campaign(rounds, seed)
    try:
        campaign.run()
    finally:
        campaign.clean()


if __name__ == "__main__":
    main()
