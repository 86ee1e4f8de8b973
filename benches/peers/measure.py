"""Runs a program by itself, with its time and memory, and tells what it ran on."""

import datetime
import os
import platform
import time
from pathlib import Path
from subprocess import Popen

ROOT = Path(__file__).resolve().parent.parent.parent

# Huge pages, one heap that is never given back, and no maps of their own for large tensors: what Targum asks of glibc, and more.
TUNABLES = {"hugetlb": 1, "mmap_max": 0, "trim_threshold": 1 << 40, "top_pad": 256 << 20}
TUNED = {"GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in TUNABLES.items())}
ALLOCATOR = ("GLIBC_TUNABLES", "MALLOC_", "LD_PRELOAD", "THP_MEM_ALLOC_ENABLE")


def environment(threads: int, tuned: bool) -> dict:
    """This process's environment, with nothing that touches the allocator but what is asked for."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ALLOCATOR)}
    return {**kept, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), **(TUNED if tuned else {})}


def run(command: list, log: Path, threads: int, tuned: bool = False, stdin: Path = None, stdout: Path = None) -> tuple:
    """Runs a command from the repository's root. Returns its seconds by the clock and its peak memory in KiB."""
    with open(stdin or os.devnull, "rb") as source, open(stdout or os.devnull, "wb") as sink, log.open("wb") as errors:
        start = time.perf_counter()
        process = Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=environment(threads, tuned),
            stdin=source,
            stdout=sink,
            stderr=errors,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.kill()
            raise
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        raise SystemExit("\n".join([f"failed with {process.returncode}: {' '.join(map(str, command))}", *tail, f"all of it: {log}"]))
    return seconds, usage.ru_maxrss


def machine() -> list:
    """The day, and what is measured on."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    system = f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}"
    return [f"Date: {datetime.date.today().isoformat()}", f"Machine: {processor}, {os.cpu_count()} cores; {system}"]
