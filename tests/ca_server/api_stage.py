"""The operators' API as a test calls it."""

import base64


class Console:
    """The API with an operator's credentials, or with what else ``authorization`` says."""

    def __init__(self, app, operator, authorization=None):
        text = f"{operator.username}:{operator.password}".encode()
        self.web = app.test_client()
        self.headers = {"Authorization": authorization or "Basic " + base64.b64encode(text).decode()}

    def get(self, path, **query):
        return self.web.get(path, headers=self.headers, query_string=query or None)

    def post(self, path, body=None, *, headers=None, **options):
        """A change: an empty JSON object unless something else is given."""
        if not options:
            options = {"json": {} if body is None else body}
        return self.web.post(path, headers=self.headers | (headers or {}), **options)

    def put(self, path, body):
        return self.web.put(path, headers=self.headers, json=body)

    def delete(self, path):
        return self.web.delete(path, headers=self.headers)


def error_of(answer):
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.json["error"]["message"]
    return answer.status_code, answer.json["error"]["code"]
