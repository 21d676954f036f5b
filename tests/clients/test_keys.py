"""The official packages for Python with an API key, over TLS."""

import anthropic
import ollama
import openai
import pytest

from harness import MODEL
from keyed_box import bearer, make_box

HELLO = [{"role": "user", "content": "[[text=hello there]]"}]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with make_box(tmp_path_factory.mktemp("keys"), tls=True) as running:
        yield running


def url(box, path=""):
    return f"https://127.0.0.1:{box.port}{path}"


def test_ollama(box):
    client = ollama.Client(host=url(box), headers=bearer(box.key), verify=box.tls)
    assert [m.model for m in client.list().models] == [MODEL]
    pieces = list(client.chat(MODEL, HELLO, stream=True))
    assert "".join(p.message.content for p in pieces) == "hello there"
    with pytest.raises(ollama.ResponseError) as refused:
        ollama.Client(host=url(box), verify=box.tls).list()
    assert refused.value.status_code == 401 and "needs an API key" in refused.value.error


def test_openai(box):
    def client(key):
        return openai.OpenAI(base_url=url(box, "/v1"), api_key=key, max_retries=0,
                             http_client=openai.DefaultHttpxClient(verify=box.tls))

    answer = client(box.key).chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == "hello there"
    with pytest.raises(openai.AuthenticationError, match="unknown API key"):
        client("sk-corral-wrong").models.list()


def test_anthropic(box):
    def ask(key):
        client = anthropic.Anthropic(base_url=url(box), api_key=key, max_retries=0,
                                     http_client=anthropic.DefaultHttpxClient(verify=box.tls))
        return client.messages.create(model=MODEL, max_tokens=50, messages=HELLO)

    assert ask(box.key).content[0].text == "hello there"
    with pytest.raises(anthropic.AuthenticationError, match="unknown API key"):
        ask("sk-corral-wrong")
