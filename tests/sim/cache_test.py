"""What stands in the cache after each way a run can end, and what a further prompt finds there."""
import signal

import pytest

from scripted_tokenizer import END, Driven, ids_of, next_turn, turn
from simulated import lines_of, make_package, request, wait_for

SYSTEM = ids_of("<|im_start|>system\nBe brief.<|im_end|>\n")
SMALL = ("--max-token-len", "640", "--chunk", "32", "--groups", "1,128,256,512")
HOLE = -1


@pytest.fixture
def driven(start, package):
    made = []

    def begin(scenario=None, options=SMALL):
        made.append(Driven(start, make_package(package.folder + f"-{len(made)}", *options), scenario or {}))
        return made[-1]

    yield begin
    for each in made:
        each.words.end()


def held_stop(d, diff, which):
    before = len(d.records())
    d.words.hold(which)
    d.begin(diff)
    wait_for(lambda: d.words.held, "a piece is held")
    d.stop()
    d.words.release()
    return d.ended(before)


def test_a_continued_turn_reads_what_a_fresh_one_would(driven):
    d = driven({"mode": "echo"})
    d.reset()
    prompt = SYSTEM + turn("one")
    first = d.run(prompt)
    assert first["kv_ids"] == prompt and first["P"] == 0
    known = prompt + d.answer()
    assert d.cached() == len(known)
    more = next_turn("two")
    continued = d.run(more)
    assert continued["P"] == len(known) and continued["kv_ids"] == known + more
    d.reset()
    fresh = d.run(known + more)
    assert fresh["kv_text"] == continued["kv_text"] and fresh["output"] == continued["output"]


def test_ids_of_a_reset_and_of_a_prompt_stand_alike(driven):
    d = driven()
    texts = []
    for split in (0, 2, 20, 100):
        whole = SYSTEM + turn("x" * 120 + "[[echo]]")
        d.reset(whole[:split])
        assert d.cached() == split
        texts.append(d.run(whole[split:])["output"])
    assert len(set(texts)) == 1


def test_the_length_after_an_end_of_its_own(driven):
    d = driven()
    for count in (1, 2, 3, 4, 7):
        d.reset()
        prompt = turn(f"[[n={count}]]")
        d.run(prompt)
        assert len(d.answer()) == count and d.cached() == len(prompt) + count
    d.reset()
    prompt = turn("[[n=0]]")
    d.run(prompt)  # the end as very first token is fed, the second one is not
    assert d.answer() == [END] and d.cached() == len(prompt) + 1
    d.reset()
    d.run(turn("[[never_end]]"))
    assert d.cached() == 640 and d.records()[-1]["ended_by"] == "context_end"


def test_a_stop_while_a_piece_of_three_is_held_leaves_all_but_the_last(driven):
    d = driven({"timing": {"tokens_per_second": 200}})
    d.reset()
    prompt = turn("[[n=20]]")
    record = held_stop(d, prompt, lambda ids: len(ids) == 3)
    answer = d.answer()
    assert record["ended_by"] == "stop" and len(answer) == 3 and d.cached() == len(prompt) + 2
    assert d.run(answer[2:] + next_turn("[[n=2]]"))["kv_ids"] == prompt + answer + next_turn("[[n=2]]")


def test_a_stop_while_a_short_piece_is_held_comes_after_the_end(driven):
    d = driven({"timing": {"tokens_per_second": 200}})
    d.reset()
    prompt = turn("[[n=5]]")
    record = held_stop(d, prompt, lambda ids: len(ids) == 2)
    assert record["ended_by"] == "eos" and d.cached() == len(prompt) + 5
    more = next_turn("[[n=1]]")
    assert d.run(more)["kv_ids"] == prompt + d.records()[-2]["kv_ids"][len(prompt):] + \
        d.records()[-1]["kv_ids"][len(prompt):-len(more)] + more
    assert HOLE not in d.records()[-1]["kv_ids"]


def test_a_stop_inside_a_step_leaves_a_hole_that_counts(driven):
    d = driven({"timing": {"tokens_per_second": 4}})
    d.reset()
    prompt = turn("[[n=20]]")
    before = len(d.records())
    d.begin(prompt)
    wait_for(lambda: d.runtime.state()["phase"] == "decode", "it decodes")
    d.stop()  # at the beginning of a step of 250 ms: far from the last of its layers
    record = d.ended(before)
    answer = d.answer()
    assert record["ended_by"] == "stop" and d.cached() == len(prompt) + len(answer) - 1
    d.set(tokens_per_second=2000)
    later = d.run(next_turn("[[echo]]"))
    assert later["kv_ids"][len(prompt) + len(answer) - 2] == HOLE and later["kv_ids"].count(HOLE) == 1
    assert "(hole)" in later["output"]


def test_a_stop_in_prefill_of_a_continued_turn_rolls_back(driven):
    d = driven()
    d.reset()
    prompt = turn("[[n=4]]")
    d.run(prompt)
    known = prompt + d.answer()
    d.set(prefill_ms_per_chunk=300)
    before = len(d.records())
    d.begin(next_turn("x" * 50))
    wait_for(lambda: d.runtime.state()["phase"] == "prefill", "prefill")
    d.stop()
    assert d.ended(before)["ended_by"] == "stop_prefill" and len(d.words.decoded) == 1 and len(d.answer()) == 1
    assert d.cached() == len(known)
    d.set(prefill_ms_per_chunk=1)
    more = next_turn("[[n=1]]")
    assert d.run(more)["kv_ids"] == known + more


@pytest.mark.parametrize("empty", [False, True])
def test_a_stop_in_prefill_after_a_reset_leaves_what_was_there_before(driven, empty):
    d = driven()
    d.reset()
    secret = turn("of somebody else, a long conversation of many words, and of some more than that [[n=9]]")
    d.run(secret)
    there = secret + d.answer()
    d.set(prefill_ms_per_chunk=300)
    system = [] if empty else ids_of("<|im_start|>abc")
    d.reset(system)
    before = len(d.records())
    d.begin(turn("y" * 90))
    wait_for(lambda: d.runtime.state()["phase"] == "prefill", "prefill")
    d.stop()
    assert d.ended(before)["ended_by"] == "stop_prefill"
    assert d.cached() == len(there)
    d.set(prefill_ms_per_chunk=1)
    rows = d.run(next_turn("[[n=1]]"))["kv_ids"][:len(there)]
    assert rows[:len(system)] == system
    if empty:
        assert rows[96:] == there[96:] and len(rows) > 96  # beyond the chunks of this prompt
    else:
        assert set(rows[len(system) + 96:]) == {HOLE}


def test_an_empty_reset_costs_no_prefill(driven):
    d = driven()
    d.reset(SYSTEM)
    d.run(turn("[[n=3]]"))
    begin = len(d.runtime.out)
    d.reset()
    d.run(turn("[[n=3]]"))
    said = lines_of(d.runtime.out[begin:])
    assert "GenerateKVCachePrefill][ 344]: input token num is 0, skip\n" in said
    assert "GenerateKVCachePrefill][ 367]" not in said and "SetKVCache][ 621]: first run\n" in said


def test_lengths_behind_an_empty_reset_are_not_checked(driven):
    d = driven()
    for count in (1, 480, 481, 511, 512):
        d.reset()
        assert len(d.run([120] * count)["kv_ids"]) == count
    assert not d.runtime.state()["overran"]
    d.reset()
    d.run([120] * 513)
    assert d.runtime.state()["overran"]
    d.reset()
    d.words.encode_answer = {"token_ids": [], "diff": [120] * 600}
    request(d.port, "POST", "/api/generate", {"prompt": "p"})
    assert d.runtime.wait_exit() == -signal.SIGSEGV


def test_without_any_reset_the_first_id_too_many_is_a_crash(driven):
    d = driven()
    d.words.encode_answer = {"token_ids": [], "diff": [120] * 513}
    request(d.port, "POST", "/api/generate", {"prompt": "p"})
    assert d.runtime.wait_exit() == -signal.SIGSEGV


def test_a_reset_beyond_the_last_group_is_taken_and_written_beyond_its_buffers(driven):
    d = driven()
    d.reset([120] * 512)
    assert not d.runtime.state()["overran"]
    d.reset([120] * 513)
    assert d.runtime.state()["overran"] and d.cached() == 513
    assert d.run(turn("[[n=1]]"))["ended_by"] == "context_full"
    d.runtime.send_signal(signal.SIGINT)
    assert d.runtime.wait_exit() == -signal.SIGABRT


def test_a_reset_of_exactly_one_id_writes_beyond_its_buffers(driven):
    d = driven()
    for ids in ([], [1, 2], [1] * 200):
        d.reset(ids)
    assert not d.runtime.state()["overran"]
    d.reset()
    d.run([120])
    assert not d.runtime.state()["overran"]
    d.reset([1])
    assert d.runtime.state()["overran"]


def test_what_fits_behind_the_cache_and_how_refusals_shrink_it(driven):
    d = driven()
    for cached in (33, 50, 200, 479):
        room = (512 - cached) // 32 * 32
        for fresh, fits in ((room, True), (room + 1, False)):
            d.reset([120] * cached)
            assert (d.run([121] * fresh)["ended_by"] != "context_full") is fits, (cached, fresh)
    d.reset([120] * 50)
    limits = [d.run([121] * 460)["M_now"] for _ in range(4)]
    assert limits == [448, 384, 320, 256] and d.cached() == 50
    assert d.run([121] * 30)["kv_ids"] == [120] * 50 + [121] * 30
    assert d.run([121])["M_now"] == (512 - d.records()[-1]["P"]) // 32 * 32


def test_a_failed_encode_runs_the_prompt_before_once_more(driven):
    d = driven()
    d.reset(SYSTEM)
    before = turn("[[n=2]]")
    d.run(before)
    known = SYSTEM + before + d.answer()
    d.words.encode_status = 500
    assert d.run(turn("new"))["kv_ids"] == known + before
    assert not d.runtime.state()["overran"]
    d.words.encode_status = 200
    d.reset(SYSTEM)
    d.run(turn("z" * 95))
    d.reset(SYSTEM)
    d.words.encode_status = 500
    d.run(turn("new"))
    assert d.runtime.state()["overran"]  # by fewer rows than a chunk has
    d.words.encode_status = 200
    d.reset(SYSTEM)
    d.run(turn("z" * 220))
    d.reset(SYSTEM)
    d.words.encode_status = 500
    d.begin(turn("new"))
    assert d.runtime.wait_exit() == -signal.SIGABRT


def test_one_call_that_fails_is_one_line_in_the_midst_of_the_text(driven):
    d = driven()
    d.reset()
    prompt = turn("[[n=9]]")
    d.runtime.fault("engine_error", after=6, calls=1)
    d.run(prompt)
    answer = d.answer()
    said = lines_of(d.runtime.out)
    assert f"#{answer[5]} [E][                       inference][ 526]: AX_ENGINE_Execute\n#{answer[6]} " in said
    assert said.count("AX_ENGINE_Execute") == 1
    d.runtime.fault("engine_error", False)
    rows = d.run(next_turn("[[n=1]]"))["kv_ids"][len(prompt):]
    assert rows[:len(answer)] == answer[:5] + [answer[4]] + answer[6:]


def test_an_empty_diff_samples_from_nothing_and_one_without_ids_is_a_crash(driven):
    d = driven()
    d.reset()
    prompt = turn("[[n=4]]")
    d.run(prompt)
    known = prompt + d.answer()
    record = d.run([])
    assert record["kv_ids"] == known and d.answer() != known[len(prompt):]
    assert d.cached() == len(known) + len(d.answer())
    d.words.encode_answer = {"diff": turn("new")}
    request(d.port, "POST", "/api/generate", {"prompt": "p"})
    assert d.runtime.wait_exit() == -signal.SIGABRT


def test_a_failed_step_leaves_the_row_of_the_step_before(driven):
    d = driven()
    d.reset()
    prompt = turn("[[n=6]]")
    d.runtime.fault("engine_error", after=3)
    d.run(prompt)
    answer = d.answer()
    d.runtime.fault("engine_error", False)
    rows = d.run(next_turn("[[n=1]]"))["kv_ids"][len(prompt):]
    assert rows[:2] == answer[:2] and set(rows[2:len(answer)]) == {answer[1]}


def test_rows_of_decode_can_be_told_from_those_of_prefill(driven):
    d = driven()
    d.runtime.fault("decode_differs")
    d.reset()
    prompt = turn("[[n=4]]")
    assert d.run(prompt)["output"] == " one two three four"
    known = prompt + d.answer()
    more = next_turn("[[n=3]]")
    behind = d.run(more)
    assert behind["output"] == " one nine three" and behind["kv_ids"] == known + more
    d.reset()
    assert d.run(known + more)["output"] == " one two three"
    d.runtime.fault("decode_differs", False)
    assert d.run(next_turn("[[n=3]]"))["output"] == " one two three"


def test_the_numbers_of_a_run_are_told_with_its_first_text(driven):
    d = driven({"timing": {"tokens_per_second": 200}})
    d.reset()
    prompt = SYSTEM + turn("[[n=7]]")
    d.run(prompt)
    more = next_turn("[[n=4]]")
    before = len(d.records())
    d.words.hold(lambda ids: len(ids) == 3)
    d.begin(more)
    wait_for(lambda: d.words.held, "the first piece is held")
    d.words.release()
    d.ended(before)
    said = lines_of(d.runtime.out)
    line = f"SetKVCache][ 614]: prefill_grpid:2 kv_cache_num:128 precompute_len:0 input_num_token:{len(prompt)}\n"
    assert line in said
    assert f"precompute_len:{len(prompt) + 7} input_num_token:{len(more)}\n" in said
    assert f"GetKVCache][ 583]: precompute_len:{len(prompt) + 7}, remaining:" in said
    assert f"GetKVCache][ 583]: precompute_len:{len(prompt) + 7 + len(more) + 4}" not in said  # comes with the next run
