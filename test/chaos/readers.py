#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
190 clients of the reader group ask what costs most, one kind after the other, while the owner asks for `status`.

For each kind: how long the owner waited (median and longest), how long the watchdog's sign of life kept away, and how much memory
the agent took above what it had when idle; at the end, how long SIGTERM took while they all asked. Fails where a goal is not met.

Usage, as root: readers.py [--entries N] [--readers N] [--seconds N] [--short] [KIND…], with RDVTASK in the environment. A short run holds
nothing against the goals: it shows that the owner is answered and the agent ends, on whatever machine.
"""
import argparse
import grp
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

RDVTASK = os.environ.get("RDVTASK", "rdvtask")
GROUP = "daemon"
NOBODY = 65534

# Goals: in seconds, and bytes.
MEDIAN, LONGEST, SIGN_OF_LIFE, END, MEMORY = 0.050, 0.500, 1.0, 2.0, 16 << 20
WATCHDOG = 1.0  # a sign of life each half of it
ENDED = 9000  # entries in the history


def line(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


LONG = "n" * 1000
# What a client says at first, what it says again after each answer (None: nothing), and whether it reads.
KINDS = {
    "show": (line("show", identifier="nope"), True, True),
    "list-label": (line("list", label="nope"), True, True),
    "list": (line("list", limit=5000), True, True),
    "list-all": (line("list"), True, True),
    "history": (line("history"), True, True),
    "history-identifier": (line("history", identifier="nope"), True, True),
    "explain": (line("explain", identifier="last"), True, True),
    "watch": (line("watch", after=0), True, True),
    "many-lines": (line("show", identifier="nope") * 200, True, True),
    "large-lines": (line("show", identifier=LONG, **{"x" * 30000: [0] * 15000}), True, True),
    "half-lines": (b"{" + b" " * 65000, False, False),
    "unread-lists": (line("list") * 3, False, False),
    "unread-watches": (line("watch", after=0), False, False),
    "unread-changes": (None, False, False),
    "connect": (None, True, True),
}


class Readers:
    """A process of another user, whose clients ask until it is killed."""

    def __init__(self, path, kind, count, change):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setgroups([grp.getgrnam(GROUP).gr_gid])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                ask(path, kind, count, change)
            finally:
                os._exit(1)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.setblocking(False)
    return client


def send(client, data):
    try:
        client.send(data)
    except OSError:
        pass


def ask(path, kind, count, change):
    first, again, reads = KINDS[kind]
    if kind == "unread-changes":
        first = line("watch", after=change)
    selector = selectors.DefaultSelector()

    def begin():
        client = connect(path)
        selector.register(client, selectors.EVENT_READ)
        if first:
            send(client, first)
        return client

    clients = [begin() for _ in range(count)]
    while not reads:
        time.sleep(1)
    while kind == "connect":
        for i, client in enumerate(clients):
            selector.unregister(client)
            client.close()
            clients[i] = begin()
    while True:
        for key, _ in selector.select():
            client = key.fileobj
            try:
                data = client.recv(1 << 20)
            except OSError:
                data = b""
            if not data:
                selector.unregister(client)
                client.close()
                begin()
            elif again and b"\n" in data and kind != "watch":
                send(client, first)


class Agent:
    def __init__(self, directory, entries):
        self.dir = directory
        self.socket = os.path.join(directory, "socket")
        self.store = os.path.join(directory, "store.db")
        config = self.write("agent.json", {"handlers": [{"label": "x", "steps": [{"run": ["true"]}]}]})
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(os.path.join(directory, "notify"))
        self.notices.setblocking(False)
        environment = dict(os.environ, NOTIFY_SOCKET=os.path.join(directory, "notify"), WATCHDOG_USEC=str(int(WATCHDOG * 1e6)))
        self.environment = environment
        self.config = config
        self.start()
        later = self.later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
        for begin in range(0, ENDED, 100):
            for i in range(begin, begin + 100):
                name = "ended-%06d-%s" % (i, "y" * 100)
                self.owner.sendall(line("schedule", tasks=[{"label": "x", "identifier": name, "start": later}]) +
                                   line("delete", identifier=name))
            for _ in range(200):
                self.stream.readline()
        tasks = [{"label": "x", "identifier": "%06d-%s" % (i, "z" * 60), "start": later} for i in range(entries - 1)]
        self.owner.sendall(line("schedule", tasks=tasks + [{"label": "x", "identifier": "last"}]))
        assert b"result" in self.stream.readline()
        # What it took to fill the store is not to be counted.
        self.program.terminate()
        self.program.wait()
        self.start()
        self.signs = [time.monotonic()]
        time.sleep(1)
        self.idle = self.memory()

    def start(self):
        with open(os.path.join(self.dir, "log"), "a") as log:
            self.program = subprocess.Popen([RDVTASK, "run", "-q", "--store", self.store, "--socket", self.socket, "--config",
                                             self.config, "--reader-group", GROUP, "--clock-wait", "0"], env=self.environment,
                                            stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 30
        while True:
            try:
                self.owner = socket.socket(socket.AF_UNIX)
                self.owner.connect(self.socket)
                break
            except OSError:
                assert time.monotonic() < end, "the agent does not listen"
                time.sleep(0.01)
        self.stream = self.owner.makefile("rb")

    def write(self, name, document):
        path = os.path.join(self.dir, name)
        with open(path, "w") as file:
            json.dump(document, file)
        os.chmod(path, 0o644)
        return path

    def memory(self):
        with open("/proc/%d/status" % self.program.pid) as file:
            return next(int(part.split()[1]) << 10 for part in file if part.startswith("VmRSS"))

    def status(self):
        begun = time.monotonic()
        self.owner.sendall(line("status"))
        answer = self.stream.readline()
        assert b'"pending"' in answer, answer
        return time.monotonic() - begun

    def change_much(self):
        """Changes that are long to tell."""
        for i in range(10):
            name = "%d" % i + "\x7f" * 1000
            self.owner.sendall(line("schedule", tasks=[{"label": "x", "identifier": name, "start": self.later}]) +
                               line("delete", identifier=name))
            self.stream.readline()
            self.stream.readline()

    def last_change(self):
        self.owner.sendall(line("status"))
        return json.loads(self.stream.readline())["result"]["change"]

    def hear_signs(self):
        try:
            while True:
                if b"WATCHDOG" in self.notices.recv(4096):
                    self.signs.append(time.monotonic())
        except BlockingIOError:
            pass


def measure(agent, kind, options, number):
    waits, memory = [], 0
    agent.hear_signs()
    agent.signs = [time.monotonic()]
    clients = Readers(agent.socket, kind, options.readers, agent.last_change())
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        waits.append(agent.status())
        memory = max(memory, agent.memory() - agent.idle)
        agent.hear_signs()
        if kind == "unread-changes":
            agent.change_much()
        time.sleep(0.01)
    clients.end()
    signs = agent.signs + [time.monotonic()]
    silence = max(b - a for a, b in zip(signs, signs[1:]))
    waits.sort()
    median, longest = waits[len(waits) // 2], waits[-1]
    good = options.short or (median < MEDIAN and longest < LONGEST and silence < SIGN_OF_LIFE and memory <= MEMORY)
    print("%s %d - %s: the owner waited %.1f ms, at most %.1f ms (%d times); no sign of life for %.2f s; memory above idle %.1f MiB" % (
        "ok" if good else "not ok", number, kind, median * 1e3, longest * 1e3, len(waits), silence, memory / (1 << 20)), flush=True)
    return good


def measure_end(agent, options, number):
    clients = Readers(agent.socket, "list-label", options.readers, 0)
    time.sleep(min(3, options.seconds))
    begun = time.monotonic()
    agent.program.terminate()
    code = agent.program.wait(60)
    took = time.monotonic() - begun
    clients.end()
    good = code == 0 and (options.short or took < END)
    print("%s %d - SIGTERM took %.2f s" % ("ok" if good else "not ok", number, took))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200000)
    parser.add_argument("--readers", type=int, default=190)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root, to become somebody else")
        return 0
    directory = tempfile.mkdtemp(prefix="rdvtask-readers-")
    os.chmod(directory, 0o755)
    agent = None
    try:
        agent = Agent(directory, options.entries)
        kinds = options.kinds or list(KINDS)
        print("1..%d" % (len(kinds) + 1))
        print("# idle: %.1f MiB, and the owner waited %.1f ms" % (agent.idle / (1 << 20), agent.status() * 1e3), flush=True)
        good = [measure(agent, kind, options, number) for number, kind in enumerate(kinds, 1)]
        good.append(measure_end(agent, options, len(kinds) + 1))
    finally:
        if agent and agent.program.poll() is None:
            agent.program.kill()
            agent.program.wait()
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
