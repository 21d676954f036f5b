"""vLLM's older engine refuses the salt that keeps the prompts of keys apart in its cache. One key is served without it; two never share
for that reason."""

import pytest

from harness import MODEL, Box, wait_until
from keyed_box import bearer, new_key

PROMPT = [{"role": "user", "content": "[[text=yes]] a question"}]


@pytest.fixture
def box(tmp_path, request):
    made = Box(tmp_path, {"directives": True, "faults": {"salt_refused": True}}, config='[access]\nkeys = "keys"\n',
               model=request.param, profile="vllm-ascend")
    made.users = [bearer(new_key(made, name)) for name in ("anna", "ben")]
    made.headers = made.users[0]
    with made:
        yield made


def asked(box, headers):
    return box.request("POST", "/v1/chat/completions", {"model": MODEL, "messages": PROMPT}, headers=headers)


def text(reply):
    assert reply.status == 200, reply.body
    return reply.json["choices"][0]["message"]["content"]


@pytest.mark.parametrize("box", ["", 'reuse = "off"\n'], indirect=True)
def test_one_key_is_served_and_another_is_told_what_to_do(box):
    anna, ben = box.users
    assert text(asked(box, anna)) == "yes"
    assert text(asked(box, anna)) == "yes"
    refused = asked(box, ben)
    assert refused.status >= 500 and b"set reuse_across_keys = true" in refused.body, refused.body
    assert text(asked(box, anna)) == "yes"
    assert len(box.logged_times("refuses cache_salt", 1)) == 1
    # A new process holds nothing of anybody's.
    box.kill("runtime")
    wait_until(lambda: asked(box, ben).status == 200, 30, "ben is served by the next process")
    assert asked(box, anna).status >= 500


@pytest.mark.parametrize("box", ["reuse_across_keys = true\n", 'reuse_across_keys = true\nreuse = "off"\n'], indirect=True)
def test_keys_that_may_share_are_served(box):
    for headers in box.users * 2:
        assert text(asked(box, headers)) == "yes"
