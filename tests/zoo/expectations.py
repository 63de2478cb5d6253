"""What must be concluded of each scenario: kinds that are right, and what the wait must name.

The lines that may be blamed are marked `# BLAME` in the scenario itself.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HANGS", "HEALTHY", "STANDS", "Row"]


class Row(NamedTuple):
    """kinds: any of them is right. waits: a pattern that `waits_for` must hold, empty when it may say anything.

    says: a pattern that evidence or unknown must hold. blame: whether a line of the scenario is to be blamed.
    """

    kinds: str
    waits: str = ""
    says: str = ""
    blame: bool = True


HANGS: dict[str, Row] = {
    "recv_silent_peer": Row("blocked", r"peer 127\.0\.0\.1:\d+, which has never sent"),
    "http_silent_peer": Row("blocked", r"peer 127\.0\.0\.1:\d+, which has never sent"),
    "http_trickle": Row("working", says=r"bytes/s"),
    "connect_black_hole": Row("blocked", r"peer 127\.0\.0\.1:\d+ to accept"),
    "peer_does_not_read": Row("blocked", r"127\.0\.0\.1:\d+ to read.*window is closed"),
    "retry_storm": Row("looping", says=r"runs and returns"),
    "retry_with_long_pauses": Row("looping", says=r"came back"),
    "event_poll": Row("looping", r"an Event"),
    "recv_timeout_loop": Row("looping", r"peer 127\.0\.0\.1"),
    "lock_taken_twice": Row("blocked", r"a lock", r"who holds a plain Lock can't be known"),
    "lock_order": Row("blocked", r"the lock 'SECOND'", r"'other-way-round' at (scenarios/)?lock_order.py"),
    "rlock_held": Row("blocked", r"the lock 'LOCK', held by thread 'holder'"),
    "pool_deadlock": Row("blocked", r"a Future no thread is running.*pool of 1, which is full"),
    "future_stuck": Row("blocked", r"a Future that thread 'ThreadPoolExecutor-0_0' is running.*recv"),
    "pool_exit_stuck": Row("blocked", r"thread 'ThreadPoolExecutor-0_\d' to end.*sleep"),
    "pool_map_stuck": Row("blocked", r"a Future that thread 'ThreadPoolExecutor-0_\d' is running.*sleep"),
    "join_stuck": Row("blocked", r"thread 'loader-3' to end.*recv"),
    "join_spinning": Row("spinning", r"thread 'counter' to end"),
    "queue_full": Row("blocked", r"room in a full queue \(2 of 2\).*'consumer'.* ended"),
    "queue_dead_producer": Row("blocked", r"an item in an empty queue; thread 'loader'.* ended"),
    "queue_stuck_producer": Row("blocked", r"an item in an empty queue; thread 'loader' was given it.*recv"),
    "queue_join": Row("blocked", r"1 unfinished task"),
    "simple_queue": Row("blocked", r"a lock \(or a queue in C code\)"),
    "condition_wait": Row("blocked", r"a Condition to be notified"),
    "barrier_wait": Row("blocked", r"a Barrier of 3 that 1"),
    "semaphore_wait": Row("blocked", r"a Semaphore to be released"),
    "child_never_ends": Row("blocked", r"child process \d+ \(sleep\), sleeping \(S\)"),
    "child_captured": Row("blocked", r"child process \d+ \(sleep\)"),
    "child_timeout_poll": Row("blocked", r"child process \d+ \(sleep\)"),
    "child_of_shell": Row("blocked", r"child process \d+ \(sh\), which waits for its own child \d+ \(sleep\)"),
    "child_spins": Row("blocked", r"child process \d+ \(python[\d.]*\), burning CPU"),
    "child_reads_stdin": Row("blocked", r"child process \d+ \(cat\), reading its stdin"),
    "child_full_pipe": Row("blocked", r"child process \d+ \(python[\d.]*\), writing into a full pipe"),
    "child_output_read": Row("blocked", r"data from a pipe of child process \d+ \(sleep\)"),
    "waitpid": Row("blocked", r"child process \d+"),
    "multiprocessing_join": Row("blocked", r"child process \d+"),
    "process_pool": Row("blocked", r"a process pool works on \(1 worker process"),
    "thread_pool_map_async": Row("blocked", r"a job that thread .* is running.*sleep"),
    "regex": Row("gil_held", says=r"Python was held for \d.* used the CPU"),
    "big_json_hold": Row("gil_held", says=r"Python was held for \d.* used the CPU"),
    "gil_held_blocked": Row("gil_held", says=r"Python was held for 3\.\d s.* used no CPU"),
    "gil_held_elsewhere": Row("gil_held", says=r"by thread 'matcher'"),
    "infinite_loop": Row("spinning", says=r"useful work can't be known"),
    "infinite_loop_calls": Row("spinning", says=r"useful work can't be known"),
    "c_code_without_gil": Row("spinning", says=r"CPU \d+ %"),
    "async_forever": Row("task_waiting", r"a Future that nobody has resolved", r"event loop answers"),
    "async_forever_busy_loop": Row("task_waiting", r"a Future that nobody has resolved"),
    "async_blocking_call": Row("loop_blocked", r"the end of its sleep"),
    "async_other_task_blocks": Row("loop_blocked", r"the end of its sleep"),
    "async_cpu_hog": Row("loop_blocked", says=r"burning CPU"),
    "async_sleep_zero": Row("spinning", says=r"event loop answers"),
    "async_to_thread": Row("task_waiting", r"a Future that thread .* is running.*recv"),
    "async_gather": Row("task_waiting", r"an asyncio Event"),
    "async_wait_for": Row("task_waiting", r"an empty asyncio\.Queue"),
    "async_stream": Row("task_waiting", r"peer 127\.0\.0\.1:\d+, which has never sent"),
    "async_lock": Row("task_waiting", r"an asyncio lock"),
    "async_generator": Row("task_waiting", r"an asyncio Event"),
    "async_child": Row("task_waiting", r"child process \d+ \(sleep\)"),
    "async_inside_sync": Row("task_waiting", r"an asyncio Event"),
    "fifo_open": Row("blocked", r"the other end of the named pipe 'games\.fifo'"),
    "pipe_read": Row("blocked", r"data from a pipe"),
    "file_lock": Row("blocked", r"the lock on file 'games\.lock', held by this process itself"),
    "sqlite_locked": Row("blocked"),
    "long_sleep": Row("blocked", r"the end of its sleep"),
    "accept_forever": Row("blocked", r"somebody to connect"),
    "select_forever": Row("blocked", r"a local socket"),
    "signal_wait": Row("blocked", r"a signal"),
    "stopped_and_continued": Row("frozen", says=r"nothing of the process ran", blame=False),
    "generator_stuck": Row("blocked", r"a local socket"),
    "fork_child_deadlock": Row("blocked", r"child process \d+"),
    "secrets_all_around": Row("blocked", r"child process \d+ \(sh\)"),
    "thread_ended": Row("thread_ended", blame=False),
}

# Operations that do what they should: for how many seconds one call may be said to stand, 0: none does.
HEALTHY: dict[str, float] = {
    "healthy_queue_loop": 0.0,
    "healthy_socket_loop": 0.0,
    "healthy_long_poll": 3.5,
    "healthy_slow_call": 4.5,
    "healthy_cpu_work": 0.0,
    "healthy_garbage": 0.0,
    "healthy_big_json": 0.0,
    "healthy_thread_pool": 0.0,
    "healthy_pool_wait": 0.0,
    "healthy_async_server": 0.0,
    "healthy_async_gather": 0.0,
    "healthy_fsync_loop": 1.5,
    "healthy_many_threads": 0.0,
    "healthy_child_after_child": 0.0,
}

# The kinds that a verdict may be built on: the operation does not move.
STANDS = frozenset({"blocked", "loop_blocked", "task_waiting", "thread_ended", "gil_held", "frozen"})
