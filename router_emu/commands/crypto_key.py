"""The `crypto key` commands: the router's own key pairs (the chapter, "Generate RSA Key Pair")."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any

from router_emu import dates
from router_emu.commands import answers
from router_emu.commands.context import Context
from router_emu.commands.flow import Ask, Effect, Flow, Perform, Say
from router_emu.pki.keys import CURVES, DEFAULT_LABEL, Algorithm, GenerateKey, KeyPair, OwnKey, Purpose
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal, Texts

# The last is in no list of XR's, but one took it in a capture: iosxr.md 1.4 [T].
DSA_SIZES = (512, 768, 1024, 2048)
DSA_DEFAULT = 1024


def generate_rsa(context: Context, args: Args) -> Flow:
    """Make a general-purpose RSA key, or one to sign and one to decrypt; how many bits is asked for each."""
    usage = "usage-keys" in args or "usage" in args
    purposes = (Purpose.SIGNATURE, Purpose.ENCRYPTION) if usage else (Purpose.GENERAL,)
    label = yield from _label(context, args, Algorithm.RSA)
    if label is None:
        return
    texts, keys = context.router.texts, []
    low, high = texts.rsa_range
    sizes = []
    for purpose in purposes:
        words = texts.key_purposes[purpose]
        yield Say(texts.key_size_range.format(low=low, high=high, purpose=words))
        question = texts.key_size_question.format(default=texts.rsa_default)
        sizes.append((yield from answers.number(context, question, low, high, texts.rsa_default)))
    yield Say(texts.key_generating.format(kind="RSA"))
    for purpose, bits in zip(purposes, sizes, strict=True):
        key = yield Perform(GenerateKey(Algorithm.RSA, bits))
        keys.append(KeyPair(label, key, context.now, purpose))
    yield from _keep(context, *keys)


def generate_dsa(context: Context, args: Args) -> Flow:
    """Make a DSA key."""
    label = yield from _label(context, args, Algorithm.DSA)
    if label is None:
        return
    texts = context.router.texts
    yield Say(texts.dsa_sizes)
    bits = yield from _dsa_size(texts)
    yield Say("\n" + texts.key_generating.format(kind="DSA"))
    key = yield Perform(GenerateKey(Algorithm.DSA, bits))
    yield from _keep(context, OwnKey(label, key, context.now))


def generate_elliptic(context: Context, args: Args) -> Flow:
    """Make an ECDSA key on the curve that was typed, or an Ed25519 key; nothing is asked."""
    algorithm = _kind(args)
    label = yield from _label(context, args, algorithm)
    if label is None:
        return
    yield Say(context.router.texts.key_generating.format(kind=_family(algorithm)))
    key = yield Perform(GenerateKey(algorithm))
    yield from _keep(context, OwnKey(label, key, context.now))


def zeroize(context: Context, args: Args) -> Flow:
    """Remove the keys of one label, or without a label all of that kind (the chapter)."""
    pki, texts, algorithm = context.router.pki, context.router.texts, _kind(args)
    labels = pki.keys.labels(algorithm)
    kind = f"ECDSA {algorithm}" if algorithm in CURVES else _family(algorithm)
    if "label" in args:
        label = args.text("label")
        if label not in labels:
            raise CliRefusal(texts.zeroize_no_label.format(kind=kind, label=label))
        labels = [label]
    if not labels:
        raise CliRefusal(texts.zeroize_none.format(kind=kind))
    yield Say(texts.zeroize_names.format(labels=", ".join(labels)))
    remove = yield from answers.yes_or_no(context, texts.zeroize_question)
    for label in labels if remove else ():
        if pki.keys.find(algorithm, label):  # another session may have been quicker
            pki.zeroize(algorithm, label, context.now)


def show(context: Context, args: Args) -> str:
    """The key pairs of one kind, or all: label, kind, size, when it was made, and its public key in DER."""
    texts = context.router.texts
    kinds = set(Algorithm)
    if "all" not in args:
        kinds = set(CURVES) if "ecdsa" in args else {_kind(args)}
    return "\n".join(_shown(texts, key) for key in context.router.pki.keys if key.algorithm in kinds)


def shown_key(
    texts: Texts, *, label: str, kind: str, size: int, date: datetime, data: bytes, **words: str
) -> str:
    """One key as XR lays it out; ``words`` are other labels than "Size" and "Created"."""
    return texts.key_shown.format(
        label=label,
        type=kind,
        measure=words.get("measure", texts.key_size_label),
        size=size,
        dated=words.get("dated", texts.key_created_label),
        date=dates.long(date),
        data="\n".join(hexadecimal_lines(data)),
    )


def hexadecimal_lines(data: bytes) -> list[str]:
    """Eight groups of eight digits a line, a space before and after: the chapter and iosxr.md 1.4 [T]."""
    digits = data.hex().upper()
    groups = [digits[at : at + 8] for at in range(0, len(digits), 8)]
    lines = [groups[at : at + 8] for at in range(0, len(groups), 8)]
    return [
        f" {' '.join(line)}{'' if number == len(lines) - 1 else ' '}" for number, line in enumerate(lines)
    ]


def _shown(texts: Texts, key: OwnKey) -> str:
    kind = texts.key_types[key.purpose if key.algorithm is Algorithm.RSA else key.algorithm]
    measure = texts.key_degree_label if key.algorithm in CURVES else texts.key_size_label
    return shown_key(
        texts,
        label=key.label,
        kind=kind,
        size=key.size,
        date=key.created,
        data=key.public_key_info,
        measure=measure,
    )


def _label(context: Context, args: Args, algorithm: Algorithm) -> Generator[Effect, Any, str | None]:
    """The label that was typed, or the default one; None when it is taken and shall stay so."""
    texts = context.router.texts
    label = args.text("label") if "label" in args else DEFAULT_LABEL
    yield Say(texts.key_name.format(label=label))
    if context.router.pki.keys.find(algorithm, label):
        yield Say(texts.key_exists.format(label=label))
        replace = yield from answers.yes_or_no(context, texts.key_replace)
        if not replace:
            return None
    return label


def _dsa_size(texts: Texts) -> Generator[Effect, Any, int]:
    while True:
        answer = str((yield Ask(texts.key_size_question.format(default=DSA_DEFAULT)))).strip()
        if answer in ("", *map(str, DSA_SIZES)):
            return int(answer or DSA_DEFAULT)
        yield Say(texts.dsa_wrong_size)


def _keep(context: Context, *keys: OwnKey) -> Generator[Effect, Any, None]:
    context.router.pki.set_keys(*keys, now=context.now)
    yield Say(context.router.texts.key_done)


def _kind(args: Args) -> Algorithm:
    """The kind of key that the command names by its words."""
    return next(kind for kind in Algorithm if kind in args.words)


def _family(algorithm: Algorithm) -> str:
    return "ECDSA" if algorithm in CURVES else algorithm.upper()
