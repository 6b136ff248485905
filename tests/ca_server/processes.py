"""The CA as a process, and calls of its API."""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

COMMAND = [sys.executable, "-m", "ca_server", "--port", "0", "--console-port", "0", "--management-port", "0"]


@contextmanager
def running(state, *options, **environment):
    """A CA over a state folder: its ready line, and its process."""
    process = subprocess.Popen(
        [*COMMAND, "--state", str(state), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )
    try:
        line = process.stdout.readline()
        if not line:
            pytest.fail(process.stderr.read())
        yield json.loads(line)["ready"], process
    finally:
        process.kill()
        process.communicate()


def fetch(url, operator=None, body=None):
    """The body of the answer; with a body of its own it is a POST.  Raises OSError."""
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if operator:
        manager.add_password(None, url, operator["username"], operator["password"], is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with opener.open(request, timeout=10) as answer:
        return answer.read()
