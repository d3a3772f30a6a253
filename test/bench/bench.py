# SPDX-License-Identifier: MIT
"""Benchmarks beside the peers: every figure is a ratio taken in one run, in interleaved rounds.

  bench.py [--rounds N] [--json FILE] [--plot FILE.svg] [--list] [FIGURE...]

Needs BENCH (the folder of bench-ours and bench-peer) and RDVTASK (the program) in the environment: `make bench` sees to it.
With no figure named all are taken, in under four minutes. Peers that are not installed are skipped by name.

For a short look, where the figures don't matter: BENCH_GROWTH=10000 has "growth" end at so many tasks, and BENCH_IDLE=1 has "idle" wait
for so many seconds.
"""
import argparse
import contextlib
import json
import math
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = os.environ.get("BENCH", "")
RDVTASK = os.environ.get("RDVTASK", "rdvtask")
FIGURES = {}


class Missing(Exception):
    """What a figure needs, and is not here."""


def figure(name, words):
    def add(function):
        FIGURES[name] = (function, words)
        return function
    return add


# ---------------------------------------------------------------- programs


def find(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Missing("%s is not installed" % name)
    return path


def measure(program, *arguments):
    """Run a command of bench-ours or bench-peer: its figures."""
    done = subprocess.run([os.path.join(BENCH, program), *map(str, arguments)], stdout=subprocess.PIPE, encoding="ascii", check=True)
    return {name: float(value) for name, value in (line.split("=") for line in done.stdout.splitlines())}


def ours(*arguments):
    return measure("bench-ours", *arguments)


def peer(*arguments):
    return measure("bench-peer", *arguments)


class Folder:
    """A folder for one round, on the disk that the project is on: /tmp may be memory."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="rdvtask-bench-", dir=os.environ.get("BENCH_DIR", "/var/tmp"))
        return lambda name: os.path.join(self.path, name)

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def wait_for_socket(path, process):
    while True:
        if process.poll() is not None:
            raise Missing("%s ended with %d" % (process.args[0], process.returncode))
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as try_it:
            try:
                try_it.connect(path)
                return
            except OSError:
                time.sleep(0.002)


@contextlib.contextmanager
def serving(path, *command):
    """A program that listens there, while it does: the path, and the program's process id."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for_socket(path, process)
        yield path, process.pid
    finally:
        process.kill()
        process.wait()


def beanstalkd(folder, *arguments):
    path = folder("b.sock")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return serving(path, find("beanstalkd"), "-l", "unix:" + path, "-b", folder(""), *arguments)


def guest_agent(folder):
    path = folder("q.sock")
    return serving(path, find("qemu-ga"), "-m", "unix-listen", "-p", path, "-t", folder(""), "-f", folder("pid"))


# ----------------------------------------------------------------- figures


class Row:
    """One comparison: our figure and the peer's, round by round, and the goal for their ratio, if there is one."""

    def __init__(self, name, what, peer_name, unit, goal, better="more", note=""):
        self.name, self.what, self.peer_name, self.unit, self.goal = name, what, peer_name, unit, goal
        self.better, self.note = better, note
        self.ours, self.theirs = [], []

    def add(self, our_figure, their_figure):
        self.ours.append(our_figure)
        self.theirs.append(their_figure)

    def ratios(self):
        return [a / b for a, b in zip(self.ours, self.theirs)] if self.better != "less-than-peer" else \
               [b / a for a, b in zip(self.ours, self.theirs)]

    def result(self):
        ratios = self.ratios()
        ratio = statistics.median(ratios)
        met = self.goal is None or (ratio <= self.goal if self.better == "less" else ratio >= self.goal)
        return {"figure": self.name, "what": self.what, "beside": self.peer_name, "unit": self.unit,
                "ours": statistics.median(self.ours), "theirs": statistics.median(self.theirs), "ratio": ratio,
                "least": min(ratios), "most": max(ratios), "rounds": len(ratios), "ours_each": self.ours,
                "theirs_each": self.theirs, "goal": self.goal,
                "goal_is": "at most" if self.better == "less" else "at least", "met": met, "note": self.note}


class Limit:
    """A figure that is held against a number, with the peers' beside it."""

    def __init__(self, name, what, unit, goal, peers, note=""):
        self.name, self.what, self.unit, self.goal, self.peers, self.note = name, what, unit, goal, peers, note
        self.values = []

    def add(self, value):
        self.values.append(value)

    def result(self):
        value = statistics.median(self.values)
        return {"figure": self.name, "what": self.what, "unit": self.unit, "ours": value, "least": min(self.values),
                "most": max(self.values), "rounds": len(self.values), "ours_each": self.values, "goal": self.goal,
                "goal_is": "at most", "met": value <= self.goal, "peers": self.peers, "note": self.note}


def cycles(number, in_flight, goal, rounds):
    row = Row(number, "durable cycles: schedule, start, finish; %d in flight" % in_flight, "beanstalkd -f0: put, reserve, delete",
              "1/s", goal, note="three records, beside two")
    for _ in range(rounds):
        with Folder() as folder:
            mine = ours("cycles", folder("store.db"), in_flight, 1)["rate"]
            with beanstalkd(folder, "-f0") as (path, _):
                row.add(mine, peer("cycles", path, in_flight, 1)["rate"])
    return [row]


@figure("cycles-64", "1: durable cycles, 64 in flight")
def cycles_64(rounds):
    return cycles("1", 64, 16, rounds)


@figure("cycles-1000", "2: durable cycles, 1000 in flight")
def cycles_1000(rounds):
    return cycles("2", 1000, 50, rounds)


@figure("cycles-1", "3: durable cycles, one at a time")
def cycles_1(rounds):
    return cycles("3", 1, 1.0, rounds)


def agent_document(folder):
    path = folder("agent.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"name": "bench", "handlers": [{"label": "true", "steps": [{"run": ["/bin/true"]}]}]}, file)
    # Nobody else may have a say in what runs.
    private = folder("private")
    os.mkdir(private, 0o700)
    shutil.move(path, private)
    return os.path.join(private, "agent.json")


def supervisor():
    path = os.path.abspath(os.path.join(BENCH, "..", "..", "child", "rdvtask-child"))
    if not os.access(path, os.X_OK):
        raise Missing("%s is not built" % path)
    return path


@figure("runs", "4: durable runs of /bin/true")
def durable_runs(rounds):
    row = Row("4", "durable runs of /bin/true; 16 queued, 4 running", "beanstalkd -f0 and a worker in C", "1/s", 2.0,
              note="the worker records each start, as we do; direct children on both sides")
    supervised = Row("4", "the same, each with its supervisor, rdvtask-child", "beanstalkd -f0 and a worker in C", "1/s", None,
                     note="as in the program rdvtask; the worker's are direct children")
    for _ in range(rounds):
        with Folder() as folder:
            document = agent_document(folder)
            direct = ours("runs", folder("store.db"), document, 16, 4, 1.5, "")["rate"]
            with_it = ours("runs", folder("supervised.db"), document, 16, 4, 1.5, supervisor())["rate"]
            with beanstalkd(folder, "-f0") as (path, _):
                theirs = peer("runs", path, 16, 4, 1.5)["rate"]
            row.add(direct, theirs)
            supervised.add(with_it, theirs)
    return [row, supervised]


@figure("children", "5 and 6: child starts, and from start to the report of the end")
def children(rounds):
    rows = []
    small = Row("6", "start to report of the end, median", "posix_spawn and waitpid", "us", 1.1, "less")
    slow = Row("6", "start to report of the end, 99th of 100", "posix_spawn and waitpid", "us", 1.1, "less")
    for megabytes, words in ((0, "4 MB"), (1024, "1 GB")):
        row = Row("5", "child starts, parent of %s" % words, "posix_spawn and waitpid", "1/s", 0.95)
        for _ in range(rounds):
            found = ours("children", 400, megabytes)
            row.add(found["rate"], found["peer_rate"])
            if megabytes == 0:
                small.add(found["p50_us"], found["peer_p50_us"])
                slow.add(found["p99_us"], found["peer_p99_us"])
        rows.append(row)
    return rows + [small, slow]


@figure("guest-exec", "6: start to the report of the end, beside qemu-ga")
def guest_exec(rounds):
    median = Row("6", "start to report of the end, median", "qemu-ga guest-exec", "us", 2.0, "less-than-peer",
                 "the guest agent is asked again and again, with no wait between")
    slow = Row("6", "start to report of the end, 99th of 100", "qemu-ga guest-exec", "us", 2.0, "less-than-peer")
    for _ in range(rounds):
        with Folder() as folder, guest_agent(folder) as (path, _):
            mine = ours("children", 200, 0)
            theirs = peer("guest", path, 200)
            median.add(mine["p50_us"], theirs["p50_us"])
            slow.add(mine["p99_us"], theirs["p99_us"])
    return [median, slow]


MANY = 1000000


@figure("open", "7 and 8: a store of 1M pending tasks")
def open_many(rounds):
    quick = Row("7", "open 1M pending tasks until the first start", "beanstalkd -b, restart with 1M jobs", "s", 9,
                "less-than-peer")
    small = Row("8", "resident with 1M pending tasks of 256 bytes", "beanstalkd", "kB", 8, "less-than-peer")
    with Folder() as folder:
        ours("fill", folder("store.db"), MANY, 256)
        with beanstalkd(folder, "-F") as (path, _):
            peer("fill", path, MANY, 256)
        for _ in range(rounds):
            # The file as it was: what has been opened has one task less, which does no harm.
            mine = ours("open", folder("store.db"))
            begun = time.monotonic()
            with beanstalkd(folder, "-F") as (path, pid):
                peer("first", path)
                seconds = time.monotonic() - begun
                resident = memory(pid)["Rss"]
            quick.add(mine["seconds"], seconds)
            small.add(mine["resident_kb"], resident)
    return [quick, small]


GROWTH = {}
SIZES = {1000: "1k", 10000: "10k", 100000: "100k", 1000000: "1M"}
GROWTH_MOST = int(os.environ.get("BENCH_GROWTH", "1000000"))


@figure("growth", "9: schedule, start and end, delete, at 1k to 1M pending")
def growth(rounds):
    """From 1k to 1M pending a logarithm doubles: 20 bits in place of 10."""
    sizes = [size for size in SIZES if size <= GROWTH_MOST]
    goal = round(math.log(sizes[-1], sizes[0]), 2)
    names = {"schedule_us": "schedule", "pick_us": "start and end", "delete_us": "delete"}
    found = {size: {name: [] for name in names} for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            for name, value in ours("steps", size, 20000).items():
                found[size][name].append(value)
    rows = []
    for name, words in names.items():
        GROWTH[words] = [(size, statistics.median(found[size][name])) for size in sizes]
        row = Row("9", "%s, %s pending beside 1k" % (words, SIZES[sizes[-1]]), "log n: %g" % goal, "us", goal, "less",
                  "in memory, in batches, 20,000 each")
        for many, few in zip(found[sizes[-1]][name], found[sizes[0]][name]):
            row.add(many, few)
        rows.append(row)
    return rows


def memory(pid):
    found = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0].endswith(":"):
                found[words[0][:-1]] = int(words[1])
    return found


def switches(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task), encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


IDLE = float(os.environ.get("BENCH_IDLE", "60"))


@contextlib.contextmanager
def running_agent(folder):
    """As after a start of the machine: on a store that is there, with a task that waits."""
    store = folder("store.db")
    subprocess.run([RDVTASK, "schedule", "--store", store, "--quiet", "true", "later", "--start", "+1d"], check=True,
                   stdout=subprocess.DEVNULL)
    program = subprocess.Popen([RDVTASK, "run", "--quiet", "--clock-wait", "0", "--store", store, "--config", agent_document(folder)])
    try:
        wait_for_socket(store + ".sock", program)
        yield program.pid
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait()


def memory_of_starts(count):
    """Of further starts: how many pages of a library are there goes by where it was put, at random, and so by the start."""
    found = []
    for _ in range(count):
        with Folder() as folder, running_agent(folder) as pid:
            time.sleep(0.3)
            os.sync()  # as the system does within a minute
            found.append(memory(pid))
    return found


@figure("idle", "10: idle: wake-ups and memory")
def idle(_rounds):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(Folder())
        programs = {"rdvtask": stack.enter_context(running_agent(folder))}
        missing = []
        for name in ("qemu-ga", "atd"):
            try:
                if name == "qemu-ga":
                    programs[name] = stack.enter_context(guest_agent(folder))[1]
                else:
                    daemon = subprocess.Popen([find("atd"), "-f"], stderr=subprocess.DEVNULL)
                    stack.callback(daemon.wait)
                    stack.callback(daemon.kill)
                    programs[name] = daemon.pid
            except Missing as trouble:
                missing.append(str(trouble))
        time.sleep(2)
        for name, pid in list(programs.items()):
            if name != "rdvtask" and not os.path.exists("/proc/%d/smaps_rollup" % pid):
                missing.append("%s ended" % name)
                del programs[name]
        before = {name: switches(pid) for name, pid in programs.items()}
        time.sleep(IDLE)
        woken = {name: switches(pid) - before[name] for name, pid in programs.items()}
        taken = {name: memory(pid) for name, pid in programs.items()}
    all_taken = [taken["rdvtask"]] + memory_of_starts(10)
    peers = [name for name in programs if name != "rdvtask"]
    rows = []
    for what, unit, goal, values, theirs in (
            ("idle for %g s: context switches" % IDLE, "", 0, [woken["rdvtask"]], woken),
            ("idle: resident", "kB", 3600, [one["Rss"] for one in all_taken], {name: taken[name]["Rss"] for name in peers}),
            ("idle: private and dirty", "kB", 300, [one["Private_Dirty"] for one in all_taken],
             {name: taken[name]["Private_Dirty"] for name in peers})):
        row = Limit("10", what, unit, goal, {name: theirs[name] for name in peers}, "; ".join(missing))
        for value in values:
            row.add(value)
        rows.append(row)
    return rows


@figure("load", "11: a schedule file of 100,000 tasks")
def load(rounds):
    row = Row("11", "100,000 tasks of a file, until all are durable", "cJSON alone and bare SQLite", "s", 1.3, "less",
              "the peer checks nothing, and has no windows, history or order")
    with Folder() as folder:
        with open(folder("schedule.json"), "w", encoding="ascii") as file:
            json.dump({"tasks": [{"label": "security-updates", "identifier": "desktop-%06d" % i, "deadline": "2031-%02d-%02dT%02d:00:00Z" %
                                  (1 + i % 12, 1 + i % 28, i % 24)} for i in range(100000)]}, file, indent=1)
        for number in range(rounds):
            row.add(ours("load", folder("ours-%d.db" % number), folder("schedule.json"))["seconds"],
                    peer("load", folder("peer-%d.db" % number), folder("schedule.json"))["seconds"])
    return [row]


def stripped_size(path):
    with Folder() as folder:
        subprocess.run([find("strip"), "-o", folder("stripped"), os.path.realpath(path)], check=True)
        return os.path.getsize(folder("stripped")) / 1024


@figure("size", "12: size of library and program, stripped")
def size(_rounds):
    peers = {}
    for name in ("beanstalkd", "qemu-ga"):
        with contextlib.suppress(Missing):
            peers[name] = round(os.path.getsize(os.path.realpath(find(name))) / 1024)
    rows = []
    for what, variable, goal in (("shared library, stripped", "RDVTASK_LIBRARY", 150), ("program, stripped", "RDVTASK", 250)):
        row = Limit("12", what, "kB", goal, peers)
        row.add(stripped_size(os.environ[variable]))
        rows.append(row)
    return rows


# ------------------------------------------------------------------ report


def number(value):
    if value >= 1000 or value == int(value):
        return "{:,.0f}".format(value)
    return "%.3g" % value


def line(row):
    good = "" if row["goal"] is None else "met" if row["met"] else "short"
    if "ratio" in row:
        return (row["figure"], row["what"], row["beside"], "%s %s" % (number(row["ours"]), row["unit"]), "%s %s" %
                (number(row["theirs"]), row["unit"]), "%.2f (%.2f to %.2f)" % (row["ratio"], row["least"], row["most"]),
                "none" if row["goal"] is None else "%s %g" % (row["goal_is"], row["goal"]), good)
    peers = ", ".join("%s %s" % (name, number(value)) for name, value in row["peers"].items())
    spread = "(%s to %s)" % (number(row["least"]), number(row["most"])) if row["least"] < row["most"] else ""
    return (row["figure"], row["what"], peers, "%s %s" % (number(row["ours"]), row["unit"]), "", spread,
            "at most %s" % number(row["goal"]), good)


HEAD = ("#", "figure", "beside", "ours", "theirs", "ratio", "goal", "")


def print_table(results):
    lines = [HEAD] + [line(row) for row in results]
    widths = [max(len(words[i]) for words in lines) for i in range(len(HEAD))]
    for words in lines:
        print("  ".join(word.ljust(width) for word, width in zip(words, widths)).rstrip())


def plot(path):
    """Cost of an operation over how many are pending: both axes are logarithmic, microseconds over tasks."""
    width, height, left, bottom, top, right = 640, 400, 60, 50, 20, 130
    series = sorted(GROWTH.items())
    most = max(value for _, points in series for _, value in points)
    least = min(value for _, points in series for _, value in points)
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))

    def x(size):
        return left + (math.log10(size) - 3) / 3 * (width - left - right)

    def y(value):
        return height - bottom - (math.log10(value) - low) / max(high - low, 1) * (height - bottom - top)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (width, height),
           '<rect width="100%" height="100%" fill="white"/>']
    for power in range(low, high + 1):
        out.append('<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>' %
                   (left, y(10 ** power), width - right, left - 6, y(10 ** power) + 4, 10.0 ** power))
    for size, words in SIZES.items():
        out.append('<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>' %
                   (x(size), top, height - bottom, x(size), height - bottom + 18, words))
    out.append('<text x="%d" y="%d" text-anchor="middle">pending tasks</text>' % ((left + width - right) // 2, height - 10))
    out.append('<text x="14" y="%d" transform="rotate(-90 14 %d)" text-anchor="middle">microseconds each</text>' %
               (height // 2, height // 2))
    for (name, points), colour in zip(series, ("#1b6ca8", "#c8553d", "#4a7c59")):
        out.append('<path d="M%s" fill="none" stroke="%s" stroke-width="2"/>' %
                   ("L".join("%.1f %.1f" % (x(size), y(value)) for size, value in points), colour))
        out.append('<text x="%d" y="%.1f" fill="%s">%s</text>' % (width - right + 8, y(points[-1][1]) + 4, colour, name))
    out.append("</svg>")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(out) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Benchmarks of rdvtask beside its peers.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--plot")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("figures", nargs="*")
    options = parser.parse_args()
    if options.list:
        for name, (_, words) in FIGURES.items():
            print("%-12s %s" % (name, words))
        return 0
    for name in options.figures:
        if name not in FIGURES:
            parser.error("no figure '%s'; --list names them" % name)
    results, skipped = [], []
    begun = time.monotonic()
    for name, (function, words) in FIGURES.items():
        if options.figures and name not in options.figures:
            continue
        print("%s ..." % words, file=sys.stderr, flush=True)
        try:
            results += [row.result() for row in function(options.rounds)]
        except Missing as trouble:
            skipped.append("%s: skipped: %s" % (name, trouble))
    print_table(results)
    for words in skipped:
        print(words)
    print("%d rounds, %.0f s, %d cores, Linux %s" % (options.rounds, time.monotonic() - begun, os.cpu_count(), platform.release()))
    if GROWTH:
        print("\nmicroseconds each   " + "".join("%12s" % ("{:,}".format(size)) for size, _ in next(iter(GROWTH.values()))))
        for name, points in sorted(GROWTH.items()):
            print("%-20s" % name + "".join("%12.2f" % value for _, value in points))
        if options.plot:
            plot(options.plot)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": options.rounds, "cores": os.cpu_count(), "kernel": platform.release(), "results": results,
                       "growth": GROWTH, "skipped": skipped}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
