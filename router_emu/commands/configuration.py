"""The commands of a configuration session: configure, commit, and the ways out (iosxr.md 3.4)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from router_emu import dates
from router_emu.commands.context import Context, Position
from router_emu.commands.flow import Ask, Effect, Flow, Say
from router_emu.config.store import CommitRefused, ConfigSession, ExclusiveLock
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal


def configure(context: Context, args: Args) -> str:
    """Begin a configuration session; tell of the others that are open."""
    store, texts = context.router.config, context.router.texts
    if context.shell.candidate is not None:  # `do configure`: one session edits one candidate
        raise CliRefusal(texts.within_configuration)
    others = [_session_row(session) for session in store.sessions]
    try:
        session = store.open(context.user, context.line, context.now, exclusive="exclusive" in args)
    except ExclusiveLock:
        raise CliRefusal(texts.exclusive_refused) from None
    context.shell.candidate = session
    context.shell.stack.append(Position(store.schema))
    return "\n".join([texts.sessions_title, *others]) if others else ""


def commit(context: Context, _args: Args) -> Flow:
    """Make the candidate run, and stay."""
    if not context.shell.editing().changed:
        raise CliRefusal(context.router.texts.commit_nothing)
    yield from _commit(context)


def end(context: Context, _args: Args) -> Flow:
    """Leave configuration mode; what to do with uncommitted changes is asked."""
    if context.shell.editing().changed:
        choice = yield from _choose(context)
        if choice == "cancel":
            return
        if choice == "yes":
            yield from _commit(context)
            if context.shell.editing().changed:  # others had committed, and the operator would not go on
                return
    text = context.router.texts.log_configured
    text = text.format(user=context.user, line=context.line, peer=context.peer)
    context.router.log.add(context.now, "config", "MGBL-SYS-5-CONFIG_I", text)
    context.shell.leave_configuration()


def leave(context: Context, args: Args) -> Flow:
    """`exit`: one level up, from the top level out as with `end`."""
    if len(context.shell.stack) > 2:
        context.shell.stack.pop()
        return
    yield from end(context, args)


def abort(context: Context, _args: Args) -> str:
    """Leave configuration mode and drop the changes, unasked."""
    context.shell.leave_configuration()
    return ""


def root(context: Context, _args: Args) -> str:
    """Go to the top of the configuration."""
    del context.shell.stack[2:]
    return ""


def _choose(context: Context) -> Generator[Effect, Any, str]:
    """Ask until the answer is (the beginning of) yes, no or cancel; Enter takes the default."""
    texts = context.router.texts
    while True:
        answer = yield Ask(texts.uncommitted)
        given = str(answer).strip().lower() or texts.uncommitted_default
        for choice in ("yes", "no", "cancel"):
            if choice.startswith(given):
                return choice


def _commit(context: Context) -> Flow:
    session, router = context.shell.editing(), context.router
    if session.stale:
        yield Say(router.texts.commit_stale)
        answer = yield Ask(router.texts.commit_stale_question)
        if str(answer).strip().lower() not in ("y", "yes"):
            return
    try:
        done = session.commit(context.now)
    except ExclusiveLock:
        raise CliRefusal(router.texts.commit_locked) from None
    except CommitRefused:
        raise CliRefusal(router.texts.commit_failed) from None
    if done is not None:
        text = router.texts.log_commit.format(user=done.user, id=done.id)
        router.log.add(context.now, "config", "MGBL-CONFIG-6-DB_COMMIT", text)


def _session_row(session: ConfigSession) -> str:
    lock = "*" if session.exclusive else ""
    opened = dates.change(session.opened_at)
    return f"{session.id:<31}{session.line:<11}{session.user:<9}{opened:<25}{lock}".rstrip()
