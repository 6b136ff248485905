"""What the lab tells its user when something cannot be done; each message is a whole sentence.

LabError                   anything below; the command line prints it and ends with status 1
  NoLab                    there is no endpoints file, or nobody answers at its addresses
  ServiceUnreachable       one service of a running lab does not answer
  Refused                  a service answered, and said no; carries its code
  TimerStuck               a timer stays due however often it is fired
  TimerFar                 the next timer is further off than the caller wants to go
  StartFailed              a service, or the lab, could not be started
  ShellFailed              the SSH session with a router did not go as it should
"""

from __future__ import annotations


class LabError(Exception):
    """Something that the lab cannot do; the text is for its user."""


class NoLab(LabError):
    """No lab is running where it was looked for."""


class ServiceUnreachable(LabError):
    """A service of the lab does not answer."""


class Refused(LabError):
    """A service refused what was asked; ``code`` is its own word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TimerStuck(LabError):
    """A timer stays due however often it is fired."""


class TimerFar(LabError):
    """The next timer is further off than the caller wants to go."""


class StartFailed(LabError):
    """A service, or the lab, could not be started."""


class ShellFailed(LabError):
    """A router's shell did not do what a session needs."""
