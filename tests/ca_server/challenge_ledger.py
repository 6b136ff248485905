"""As much of a ledger as challenge passwords need, in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

from ca_server.domain.ledger import ABOUT_CHALLENGES


class ChallengeLedger:
    """Store and transaction in one; what an exception interrupts is undone."""

    def __init__(self):
        self.kept = {}
        self.audited = []
        self.next_id = 1

    @contextmanager
    def write(self, about):
        assert about == ABOUT_CHALLENGES
        before = dict(self.kept), list(self.audited)
        try:
            yield self
        except BaseException:
            self.kept, self.audited = before
            raise

    def challenge(self, digest):
        return next((each for each in self.kept.values() if each.digest == digest), None)

    def open_challenges(self, now):
        return sum(
            each.once
            and each.device is None
            and each.used_at is None
            and (each.expires_at is None or now < each.expires_at)
            for each in self.kept.values()
        )

    def add_challenge(self, challenge):
        challenge = replace(challenge, id=self.next_id)
        self.next_id += 1
        self.kept[challenge.id] = challenge
        return challenge

    def use_challenge(self, challenge, *, by, now):
        if self.kept[challenge.id].used_at is not None:
            return False
        self.kept[challenge.id] = replace(challenge, used_at=now, used_by=by)
        return True

    def withdraw_challenge(self, challenge_id):
        return self.kept.pop(challenge_id, None) is not None

    def add_audit(self, entry):
        self.audited.append(entry)

    def challenges(self, part):
        return [each for id_, each in sorted(self.kept.items()) if part.after is None or id_ > part.after][
            : part.limit
        ]
