"""The commands of `python -m watchdog`: what each takes, and which part does it.

Exit status: 0 done; 1 something could not be judged, delivered or reached; 2 wrong settings.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import textwrap
from collections.abc import Callable, Sequence

from heartbeat_client.lengths import seconds_of

from . import commands
from .environment import SETTINGS, SettingsError
from .policy import PolicyError
from .ports import StoreError

__all__ = ["main"]

DONE, TROUBLE, WRONG = 0, 1, 2
WEEK = 7 * 86400.0
LIVE = 2.0
SWEEPS = ("sweep", "sweep --watch 60", "sweep --audit --json")

EXIT_STATUS = "exit status: 0 done; 1 something could not be judged, delivered or reached; 2 wrong settings"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Every expected error is one line on standard error."""
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        command: Callable[[argparse.Namespace], int] = given.command
        return command(given)
    except (SettingsError, PolicyError) as error:
        print(f"watchdog: {error}", file=sys.stderr)
        return WRONG
    except StoreError as error:
        print(f"watchdog: {error}", file=sys.stderr)
        return TROUBLE
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m watchdog",
        description="Tell people when a long operation goes silent, stalls or overruns, before its deadline.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _sweep(subs)
    _status(subs)
    _show(subs)
    _ack(subs)
    _snooze(subs)
    _serve(subs)
    _doctor(subs)
    _add(subs, "test-notice", commands.test_notice, "send a test message through every channel", "test-notice")
    _check_policy(subs)
    _prune(subs)
    said = "watch a healthy batch and one that hangs, on this machine, in under a minute"
    _add(subs, "demo", commands.demo, said, "demo")
    _completion(subs)
    return parser


def _epilog() -> str:
    width = max(map(len, SETTINGS))
    lines = [f"  {name:<{width}}  {said}" for name, said in SETTINGS.items()]
    return "\n".join(["environment:", *lines, "", EXIT_STATUS])


def _add(
    subs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Callable[[argparse.Namespace], int],
    said: str,
    *examples: str,
) -> argparse.ArgumentParser:
    sub = subs.add_parser(
        name,
        help=said,
        description=textwrap.fill(said[:1].upper() + said[1:] + ".", 80),
        epilog="\n".join(["examples:", *(f"  python -m watchdog {example}" for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.set_defaults(command=command)
    sub.add_argument("--store", metavar="ADDRESS", help="overrules HANGWATCH_STORE")
    return sub


def _json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print JSON for scripts")


def _sweep(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sub = _add(subs, "sweep", commands.sweep, "read what is due, judge it, and tell people", *SWEEPS)
    sub.add_argument(
        "--watch", metavar="SECONDS", type=_length, help="go on, one sweep each SECONDS (also 1m), until stopped"
    )
    sub.add_argument("--audit", action="store_true", help="read every record, not only what is due")
    _json(sub)


def _status(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "show what runs, how it stands, and what is wrong"
    sub = _add(subs, "status", commands.status, said, "status --watch", "status --all --json")
    sub.add_argument("--all", action="store_true", help="ended runs too")
    sub.add_argument(
        "--watch",
        metavar="SECONDS",
        type=_length,
        nargs="?",
        const=LIVE,
        help=f"go on, live, a look each SECONDS (also 1m; {LIVE:g} by default), until Ctrl-C",
    )
    _json(sub)


def _show(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sub = _add(subs, "show", commands.show, "show all about one run", "show 3f9c21", "show 3f9c21 --json")
    sub.add_argument("run", metavar="RUN", help="its id, or the beginning of it")
    _json(sub)


def _by(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--by", metavar="NAME", help="who answers; your user name by default")


def _ack(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "say that you look after a run's problem: no more reminders, but you hear when it gets worse or ends"
    sub = _add(subs, "ack", commands.ack, said, "ack 3f9c21", "ack 3f9c21 --by ada")
    sub.add_argument("run", metavar="RUN", help="the run's id, or the beginning of it")
    _by(sub)


def _snooze(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "keep quiet about an operation for a while; what is still wrong after it is told then"
    example = 'snooze "load-*" --for 2h --why "database is being moved"'
    sub = _add(subs, "snooze", commands.snooze, said, example)
    sub.add_argument("operation", metavar="OPERATION", help="its name, or a pattern such as load-*")
    sub.add_argument(
        "--for", dest="length", metavar="LENGTH", type=_length, required=True, help="such as 30m, 2h or 3d"
    )
    sub.add_argument("--why", metavar="TEXT", help="for those who wonder why it is quiet")
    _by(sub)
    said = "end a snooze"
    sub = _add(subs, "wake", commands.wake, said, 'wake "load-*"')
    sub.add_argument("operation", metavar="OPERATION", help="the name or pattern that was snoozed")
    _by(sub)


def _serve(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "serve the web application: sweeps on Cloud Scheduler's call, clicks on Slack's buttons"
    sub = _add(subs, "serve", commands.serve, said, "serve --sweep-every 1m", "serve --host 0.0.0.0 --port 8080")
    sub.add_argument(
        "--host", default="127.0.0.1", help="where to listen; 0.0.0.0 in a container (default: %(default)s)"
    )
    sub.add_argument("--port", type=int, help="which port to listen on (default: PORT, else 8080)")
    sub.add_argument("--sweep-every", metavar="SECONDS", type=_length, help="sweep by itself each SECONDS (also 1m)")


def _doctor(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "try each part for real, and say what to do about what fails"
    sub = _add(subs, "doctor", commands.doctor, said, "doctor", "doctor --fix", "doctor --client")
    sub.add_argument("--fix", action="store_true", help="create the TTL policies, indexes and metrics that are missing")
    sub.add_argument("--client", action="store_true", help="look at what a coordinator needs, in its own environment")
    _json(sub)


def _check_policy(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "check a policy file: which operations match which rule, and what it would have told of the last runs"
    sub = _add(
        subs,
        "check-policy",
        commands.check_policy,
        said,
        "check-policy policy.toml",
        "check-policy policy.toml --over 3d",
    )
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--over", metavar="LENGTH", type=_length, default=WEEK, help="how far to look back (default: 7d)")
    _json(sub)


def _prune(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "delete records that have expired, or the runs named"
    sub = _add(subs, "prune", commands.prune, said, "prune --dry-run", "prune 3f9c21d07b6a4e58")
    sub.add_argument("runs", metavar="RUN", nargs="*", help="ids of runs to delete now, such as a stranger's record")
    sub.add_argument("--dry-run", action="store_true", help="only say what would be deleted")


def _completion(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    said = "print a script that completes `hangwatch`, short for `python -m watchdog`, in a shell"
    sub = _add(subs, "completion", _complete, said, "completion bash > ~/.hangwatch.bash", "completion zsh")
    help_ = "the shell; runs and operations print the names that the script completes"
    sub.add_argument("wanted", choices=("bash", "zsh", "fish", "runs", "operations"), help=help_)


def _complete(given: argparse.Namespace) -> int:
    from .completion import printed

    print(printed(given.wanted, _parser(), given.store))
    return DONE


def _length(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
