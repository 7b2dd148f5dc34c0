"""How a child process ended is reported, and no child exceeds its budget."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.worker.child import describe_failure, is_orphan
from bench.worker.process import Budget, run_child
from pcakd.errors import ConfigError, WeightsError

ROOMY = Budget(seconds=30, memory_bytes=2**40)
READ = "import sys, json, time, os; job = json.load(sys.stdin); "


def run(code, *, job=None, budget=ROOMY):
    messages = []
    command = [sys.executable, "-c", READ + code]
    outcome = run_child(job or {}, budget=budget, on_message=messages.append, command=command)
    return outcome, messages


def test_messages_come_in_order():
    code = """[print(json.dumps({"type": "a", "n": n})) for n in range(job["count"])]"""
    outcome, messages = run(code, job={"count": 3})
    assert (outcome.status, outcome.reason) == ("ok", None)
    assert [message["n"] for message in messages] == [0, 1, 2]


def test_time_budget_kills():
    start = time.monotonic()
    outcome, _ = run("time.sleep(60)", budget=Budget(seconds=0.5, memory_bytes=2**40))
    assert outcome.status == "timeout"
    assert "budget of 0.5 s" in outcome.reason
    assert time.monotonic() - start < 20


def test_memory_budget_kills():
    budget = Budget(seconds=30, memory_bytes=100 * 2**20)
    outcome, _ = run("held = b'x' * 2**28; time.sleep(60)", budget=budget)
    assert outcome.status == "oom"
    assert "0.1 GiB" in outcome.reason


BASELINE = 'print(json.dumps({"type": "baseline", "baseline_bytes": 10**9}), flush=True); '


def test_memory_above_a_baseline_is_limited_too():
    budget = Budget(seconds=30, memory_bytes=2**40, added_bytes=64 * 2**20)
    code = BASELINE.replace("10**9", "0") + "held = b'x' * 2**27; time.sleep(60)"
    outcome, messages = run(code, budget=budget)
    assert (outcome.status, outcome.by_machine) == ("oom", False)
    assert outcome.reason == "added more than 64 MiB to its process"
    assert [message["type"] for message in messages] == ["baseline"]
    outcome, _ = run(BASELINE + "held = b'x' * 2**27; time.sleep(0.3)", budget=budget)
    assert outcome.status == "ok"


def test_the_limit_of_the_machine_differs_from_that_of_a_case():
    budget = Budget(seconds=30, memory_bytes=100 * 2**20, added_bytes=2**40)
    outcome, _ = run(BASELINE + "held = b'x' * 2**28; time.sleep(60)", budget=budget)
    assert (outcome.status, outcome.by_machine) == ("oom", True)
    outcome, _ = run("os.kill(os.getpid(), 9)")
    assert (outcome.status, outcome.by_machine) == ("oom", True)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "oom", "killed by the system"),
        ("sys.exit(3)", "error", "status 3: no message"),
        ("raise ValueError('one\\ntwo')", "error", "status 1: two"),
        ("print(json.dumps({'type': 'failure', 'status': 'oom', 'reason': 'r'}))", "oom", "r"),
    ],
)
def test_other_ends(code, status, reason):
    outcome, messages = run(code)
    assert outcome.status == status
    assert reason in outcome.reason
    assert messages == []


def test_a_child_that_reads_no_job_is_judged_by_its_exit_status():
    command = [sys.executable, "-c", "raise SystemExit(4)"]
    outcome = run_child(
        {"long": "x" * 10**6}, budget=ROOMY, on_message=lambda message: None, command=command
    )
    assert outcome.status == "error"


def test_bad_input_is_raised():
    code = "print(json.dumps({'type': 'failure', 'bad_input': True, 'reason': 'no such thing'}))"
    with pytest.raises(ConfigError, match="no such thing"):
        run(code)


def test_missing_program():
    with pytest.raises(ConfigError, match="cannot start"):
        run_child({}, budget=ROOMY, on_message=lambda message: None, command=["/no/such/program"])


def test_an_error_in_the_parent_ends_the_child():
    def fail(message):
        raise KeyboardInterrupt

    code = "print(json.dumps({'type': 'a'}), flush=True); time.sleep(60)"
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_child({}, budget=ROOMY, on_message=fail, command=[sys.executable, "-c", READ + code])
    assert time.monotonic() - start < 20


WORKER_CODE = """
import os, time
from bench.worker.child import serve
def sleep(job, send):
    send({"type": "pid", "pid": os.getpid()})
    time.sleep(60)
serve({"sleep": sleep})
"""
PARENT_CODE = f"""
import sys, types
from bench.worker.process import Budget, run_child
from bench.cli import main
def run(options):
    run_child(
        {{"job": "sleep"}},
        budget=Budget(seconds=60, memory_bytes=2**40),
        on_message=lambda message: print(message["pid"], flush=True),
        command=[sys.executable, "-c", {WORKER_CODE!r}],
    )
command = types.ModuleType("report")
command.add_arguments, command.run = lambda parser: None, run
sys.modules["bench.commands.report"] = command
sys.exit(main(["report"]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_worker_ends_with_its_parent(number, status):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", PARENT_CODE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(number)
        assert parent.wait(30) == status
    gone, _ = psutil.wait_procs([worker], timeout=30)
    assert gone or worker.status() == psutil.STATUS_ZOMBIE  # init may be slow to collect it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_job_of_an_ended_parent_is_not_run():
    assert not is_orphan({})
    assert not is_orphan({"parent_pid": os.getppid()})
    assert is_orphan({"parent_pid": -1})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), {"status": "oom", "reason": "out of memory"}),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 3"), {"status": "oom"}),
        (RuntimeError("CUDA out of memory. Tried to"), {"status": "oom"}),
        (WeightsError("no\nweights"), {"bad_input": True, "reason": "no weights"}),
        (KeyError("x"), {"status": "error", "reason": "KeyError: 'x'"}),
    ],
)
def test_failures_have_a_status(error, expected):
    message = describe_failure(error)
    assert message["type"] == "failure"
    assert expected.items() <= message.items()


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes.",
        "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes.",
        "CUDA error: out of memory",
        "HIP out of memory. Tried to allocate 2.00 GiB",
        "MPS backend out of memory (MPS allocated: 9 GB, other allocations: 1 MB)",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
        "[Errno 12] Cannot allocate memory",
        "OpenCV(4.9.0) error: (-4:Insufficient memory) Failed to allocate 4 bytes",
        "std::bad_alloc",
    ],
)
def test_out_of_memory_is_recognized_by_its_text(text):
    assert describe_failure(RuntimeError(text))["status"] == "oom"


@pytest.mark.parametrize("text", ["CUDNN_STATUS_INTERNAL_ERROR", "an index is out of range"])
def test_other_errors_are_not_out_of_memory(text):
    assert describe_failure(RuntimeError(text))["status"] == "error"


@pytest.mark.parametrize(
    "text",
    [
        "Expected canUse32BitIndexMath(input) && canUse32BitIndexMath(output) to be true, but got",
        "input tensor must fit into 32-bit index math",
        "integer out of range",
    ],
)
def test_an_index_limit_is_explained_in_one_line(text):
    message = describe_failure(RuntimeError(f"{text}\n(stack trace)" + 400 * "."))
    assert message["status"] == "error"
    assert message["reason"].startswith("the image is too large for torch's 32-bit indices: ")
    assert text[:40] in message["reason"]
    assert "\n" not in message["reason"]
    assert len(message["reason"]) <= 300
