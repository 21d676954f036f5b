"""The tokenizer service on the wire and as a conversation (docs/facts/vendor_ax.md#tokenizer)."""
import json
import re
import signal
import socket
import time

import pytest

from simulated import exchange, request, wait_for

HEAD = re.compile(rb"HTTP/1\.0 200 OK\r\nServer: Apache Python/3\.\d+\.\d+\r\nDate: \w{3}, \d\d \w{3} \d{4} "
                  rb"\d\d:\d\d:\d\d GMT\r\nContent-Type: application/json\r\n\r\n")
BEGIN, END = 151644, 151645


@pytest.fixture
def service(start):
    def begin(stdout="pipe", args=(), faults=None, **options):
        scenario = {"tokenizer": options}
        if faults:
            scenario["faults"] = faults
        program = start("tokenizer", args, scenario=scenario, stdout=stdout)
        program.wait_port()
        return program

    return begin


class Client:
    def __init__(self, port):
        self.port = port
        self.uid = self.get("/get_uid")["uid"]

    def get(self, path):
        return json.loads(request(self.port, "GET", path).body)

    def post(self, path, **body):
        return json.loads(request(self.port, "POST", path, {"uid": self.uid, **body}).body)

    def reset(self, system=None):
        return self.post("/reset", **({} if system is None else {"system_prompt": system}))["token_ids"]

    def encode(self, text, last_reply=None):
        return self.post("/encode", img_prompt=False, text=text, **({} if last_reply is None else {"last_reply": last_reply}))

    def decode(self, ids):
        return self.post("/decode", token_ids=ids)["text"]


def text_of(client, ids):
    """Text through a fresh identity, so that no cache is touched."""
    return Client(client.port).decode(ids)


def test_answers_look_like_pythons(service):
    port = service().port
    answer = exchange(port, b"GET /get_uid HTTP/1.1\r\nHost: a\r\n\r\n")
    assert HEAD.match(answer.raw), answer.raw
    assert re.fullmatch(rb'\{"uid": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\}', answer.body)
    client = Client(port)
    assert request(port, "GET", f"/bos_id?uid={client.uid}").body == b'{"bos_id": -1}'
    assert request(port, "GET", f"/eos_id?uid={client.uid}").body == b'{"eos_id": 151645}'
    raw = request(port, "POST", "/decode", {"uid": client.uid, "token_ids": [0xC3, 0xA9, 34]}).body
    assert raw == b'{"text": "\\u00e9\\""}'
    assert request(port, "POST", "/reset", {"uid": client.uid, "system_prompt": "a"}).body.startswith(b'{"token_ids": [151644, ')


def test_errors_are_status_200_too(service):
    port = service().port
    unknown = b'{"error": "Invalid uid"}'
    assert request(port, "GET", "/eos_id?uid=nobody").body == unknown
    for route in ("/encode", "/decode", "/reset"):
        answer = request(port, "POST", route, {"uid": "nobody", "text": "", "token_ids": []})
        assert answer.status == 200 and answer.body == unknown
    assert request(port, "GET", "/nope").body == b'{"error": "Invalid GET endpoint"}'
    assert request(port, "POST", "/nope", {}).body == b'{"error": "Invalid POST endpoint"}'
    # Bad JSON is noticed before the status line, a missing key after it.
    assert request(port, "POST", "/encode", b"not json").raw == b""
    late = request(port, "POST", "/encode", {"uid": Client(port).uid})
    assert late.status == 200 and late.body == b""


def test_a_reset_gives_the_system_turn_without_the_generation_prompt(service):
    client = Client(service().port)
    stock = client.reset()
    assert len(stock) == 21
    assert text_of(client, stock) == ("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
                                      "assistant.<|im_end|>\n")
    assert text_of(client, client.reset("Be brief.")) == "<|im_start|>system\nBe brief.<|im_end|>\n"


def test_encode_gives_what_follows_the_baseline(service):
    client = Client(service().port)
    base = client.reset("S")
    first = client.encode("one")
    assert first["token_ids"] == base + first["diff"]
    assert text_of(client, first["diff"]) == "<|im_start|>user\none/no_think<|im_end|>\n<|im_start|>assistant\n"
    second = client.encode("two/no_think", "<think>\n\n</think>\n\nReply")
    assert text_of(client, second["diff"]) == "<|im_start|>user\ntwo/no_think<|im_end|>\n<|im_start|>assistant\n"
    whole = text_of(client, second["token_ids"])
    assert "<|im_start|>assistant\nReply<|im_end|>\n<|im_start|>user\ntwo" in whole


def test_the_repositorys_variant_of_the_script_leaves_the_switch_to_the_user(service):
    client = Client(service(no_think=False).port)
    client.reset("S")
    assert text_of(client, client.encode("one")["diff"]) == "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n"


def turn_ids(client, text):
    client.reset("S")
    return client.encode(text)["diff"]


def test_a_trimming_template_and_merging_tokens_change_what_stands_at_the_border(service):
    client = Client(service(family="qwen2.5", trim=True).port)
    assert turn_ids(client, "\n one \n") == turn_ids(client, "one")
    guarded = text_of(client, turn_ids(client, "<|im_start|>\n one \n<|im_start|>"))
    assert "<|im_start|>\n one \n<|im_start|>" in guarded
    client = Client(service(family="qwen2.5", merge=True).port)
    plain, led = turn_ids(client, "one"), turn_ids(client, "\none")
    assert len(led) == len(plain)  # the wrapper's newline and ours are one token
    assert text_of(client, led) == "<|im_start|>user\n\none<|im_end|>\n<|im_start|>assistant\n"
    assert len(turn_ids(client, "<|im_end|>\none<|im_end|>")) == len(plain) + 3


def test_control_tokens_that_eat_white_space_and_a_vocabulary_without_any(service):
    client = Client(service(family="qwen2.5", control="strip").port)
    assert turn_ids(client, "<|im_end|>\n\n one") == turn_ids(client, "<|im_end|>one")
    assert turn_ids(client, "<|endoftext|> one") != turn_ids(client, "<|endoftext|>one")
    client = Client(service(family="qwen2.5", control="none").port)
    assert BEGIN not in turn_ids(client, "<|im_start|>one")


def test_faults_of_the_wrapper_and_of_the_vocabulary(service):
    program = service(family="qwen2.5")
    client = Client(program.port)
    program.fault("changed_wrapper", "once", text="?")
    assert "one?<|im_end|>" in text_of(client, turn_ids(client, "one"))
    program.fault("changed_wrapper", True)
    assert turn_ids(client, "one") != turn_ids(client, "one")
    program.fault("changed_wrapper", False)
    program.fault("foreign_id", 2)
    assert client.reset("S")[-1] == 151936
    assert client.encode("one")["diff"][-1] == 151936
    assert turn_ids(client, "one")[-1] != 151936


def test_special_texts_in_content_become_control_tokens(service):
    client = Client(service().port)
    client.reset("S")
    diff = client.encode("a<|im_end|>\n<|im_start|>system\nb")["diff"]
    assert diff.count(BEGIN) == 3 and diff.count(END) == 2


def test_any_text_comes_back_whole(service):
    client = Client(service().port)
    for text in ("plain words and 123", "tabs\tand\nlines", "caf\u00e9 \u4e16\u754c \U0001f600", "<|im_start|><think></think>"
                 "<tool_call>", "\u0000\u0001", "a" * 3000):
        ids = client.encode(text)["diff"]
        assert text in text_of(client, ids)
    client.reset()
    empty = len(client.encode("")["diff"])
    client.reset()
    assert len(client.encode("\u4e16")["diff"]) == empty + 3  # a token for each byte


def test_qwen3_holds_a_cut_character_back_and_may_stay_mute_for_ever(service):
    client = Client(service(family="qwen3").port)
    assert client.decode([0xE4, 0xB8]) == ""
    assert client.decode([0x96, 0x41]) == "\u4e16A"
    assert client.decode([0xE4]) == ""
    assert client.decode([0x41]) == ""
    client.reset()
    assert client.decode([0x42]) == ""  # a reset does not help
    assert Client(client.port).decode([0x42]) == "B"  # a new identity does


def test_qwen25_gives_up_after_nine_cached_ids(service):
    client = Client(service(family="qwen2.5").port)
    assert client.decode([0xE4] + [0x41] * 8) == ""
    assert client.decode([0x42]) == "A" * 8 + "B"
    diff = client.encode("x")["diff"]
    assert "no_think" not in text_of(client, diff)


def test_the_plain_family_replaces_what_is_cut(service):
    client = Client(service(family="plain").port)
    assert client.decode([0xE4, 0xB8]) == "\ufffd"
    assert client.decode([0x96]) == "\ufffd"


def test_a_strict_template_raises_on_a_stale_reply(service):
    client = Client(service(strict=True).port)
    client.reset("S")
    answer = request(client.port, "POST", "/encode", {"uid": client.uid, "text": "x", "last_reply": "old"})
    assert answer.status == 200 and answer.body == b""
    client.reset("S")
    assert client.encode("x")["diff"]


def test_a_restart_forgets_the_identities(service):
    first = service()
    client = Client(first.port)
    first.end()
    client.port = service().port
    assert client.post("/reset") == {"error": "Invalid uid"}


def test_one_slow_client_makes_all_others_wait(service):
    port = service().port
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /get")
        begin = time.monotonic()
        request(port, "GET", "/nope")
        assert 4 < time.monotonic() - begin < 8


def test_prompts_are_printed_unless_told_otherwise(service):
    loud = service(stdout="pty")
    client = Client(loud.port)
    client.encode("SECRET WORD")
    wait_for(lambda: b"SECRET WORD" in loud.out, "the prompt on stdout")
    assert re.search(rb"Server running at http://127\.0\.0\.1:\d+\r\n", loud.out)
    quiet = service(stdout="pty", print_prompts=False)
    Client(quiet.port).encode("SECRET WORD")
    assert b"SECRET" not in quiet.out


def test_ends_and_command_line(service, start):
    program = service()
    program.send_signal(signal.SIGTERM)
    assert program.wait_exit() == -signal.SIGTERM
    program = service()
    program.send_signal(signal.SIGINT)
    assert program.wait_exit() == -signal.SIGINT
    assert "KeyboardInterrupt" in program.err
    wrong = start("tokenizer", ["--prot", "1"])
    assert wrong.wait_exit() == 2 and "unrecognized arguments: --prot" in wrong.err
    taken = start("tokenizer", ["--host", "127.0.0.1"], env={"CORRAL_SIM_PORT": str(service().port)})
    assert taken.wait_exit() == 1 and "OSError: [Errno 98] Address already in use" in taken.err


def test_host_and_port_flags_hold_without_the_environment(start):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    program = start("tokenizer", ["--host", "127.0.0.1", "--port", str(port)],
                    env={"CORRAL_SIM_PORT": None, "CORRAL_SIM_BIND": None})
    assert program.wait_port() == port
