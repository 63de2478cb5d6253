"""The scenarios of the zoo by what they wait for, as a reader of a table wants them."""

from __future__ import annotations

from typing import Final

from tests.zoo.expectations import HANGS, HEALTHY

__all__ = ["FAMILIES", "HEALTHY_FAMILY", "family_of"]

HEALTHY_FAMILY: Final = "healthy"

_HANGS: Final = {
    "network": (
        "recv_silent_peer http_silent_peer http_trickle connect_black_hole peer_does_not_read recv_timeout_loop "
        "accept_forever"
    ),
    "loops that get nowhere": "retry_storm retry_with_long_pauses event_poll",
    "locks": "lock_taken_twice lock_order rlock_held condition_wait barrier_wait semaphore_wait",
    "threads, pools, queues": (
        "pool_deadlock future_stuck pool_exit_stuck pool_map_stuck join_stuck queue_full queue_dead_producer "
        "queue_stuck_producer queue_join simple_queue thread_pool_map_async generator_stuck thread_ended"
    ),
    "child processes": (
        "child_never_ends child_captured child_timeout_poll child_of_shell child_spins child_reads_stdin "
        "child_full_pipe child_output_read waitpid multiprocessing_join process_pool fork_child_deadlock "
        "secrets_all_around"
    ),
    "burns CPU": "join_spinning infinite_loop infinite_loop_calls c_code_without_gil",
    "one call holds Python": "regex big_json_hold gil_held_blocked gil_held_elsewhere",
    "asyncio": (
        "async_forever async_forever_busy_loop async_blocking_call async_other_task_blocks async_cpu_hog "
        "async_sleep_zero async_to_thread async_gather async_wait_for async_stream async_lock async_generator "
        "async_child async_inside_sync"
    ),
    "files, pipes, signals": (
        "fifo_open pipe_read file_lock sqlite_locked long_sleep select_forever signal_wait stopped_and_continued"
    ),
}

FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    **{family: tuple(names.split()) for family, names in _HANGS.items()},
    HEALTHY_FAMILY: tuple(HEALTHY),
}


def family_of(scenario: str) -> str:
    """The family of a scenario; LookupError where it has none."""
    for family, names in FAMILIES.items():
        if scenario in names:
            return family
    raise LookupError(f"scenario {scenario!r}: is in no family of {__name__}; add it to one, of {len(HANGS)} hangs")
