#include "fault_catalog.hpp"

#include <array>

namespace corral::sim {
namespace {

using enum fault_program;

constexpr auto entries = std::to_array<fault_entry>({
    {"kill_at", all, "F1 F4 F7 F10 F11 F12 F14", "phase=now, signal=SEGV, after=0, exit=-1",
     "dies by a real signal (or with exit status `exit`) at a phase: `now`, `start`; runtime and chat: "
     "`load`, "
     "`ready`, `prefill`, `decode`; runtime: `reset`, "
     "`encode` (after that many layers, chunks or tokens); tokenizer: `get_uid`, "
     "`encode`, "
     "`decode`, `reset` (after that many calls)"},
    {"freeze", all, "F16", "phase=now",
     "stops itself with SIGSTOP at a phase (as for `kill_at`); SIGCONT wakes it"},
    {"hang", all, "F7", "route, ms=-1",
     "takes the request and never answers (ms: answers nothing for so long, then closes)"},
    {"slow_reply", all, "F6 F7", "route, ms=1000", "answers so much later"},
    {"drop_reply", all, "F4", "route", "closes the connection without an answer"},
    {"truncated_reply", all, "", "route", "sends half of the answer's body, then closes"},
    {"garbage_reply", all, "F3 F5", "route, level=body",
     "level `body`: 200 with a body that is not JSON; `http`: bytes that are not HTTP"},
    {"status_reply", all, "F3 F5 F8 F19 F20", "route, status=500, body=, holding=",
     "answers this status and body; the handler does not run (holding: only for a request with this text; "
     "tokenizer)"},
    {"empty_reply", all, "F8b", "route", "200 with an empty body; the handler does not run"},
    {"early_done", runtime, "", "ms=300",
     "widens the window between an accepted generate or reset and `running = true`"},
    {"swallow_generate", runtime, "", "", "answers ok and drops the run"},
    {"swallow_reset", runtime, "", "", "answers ok and drops the reset"},
    {"stop_lost", runtime, "", "", "stop answers ok and does nothing"},
    {"busy", engines, "F21", "",
     "generate, reset and chat answer `llm is running`; a chat server that has a busy answer gives it"},
    {"stale_text", runtime, "F22", "text=stale text, now=true",
     "puts the text into the poll queue when switched on (not with now=false: in the middle of a run it "
     "would be what no real runtime does), and after each reset while on"},
    {"context_full", runtime, "F9", "", "a run ends with the in-band context text"},
    {"lost_row", runtime, "", "",
     "the cache is a row shorter than after the run before, as after a foreign stop"},
    {"encode_failed", runtime, "F3", "",
     "a run behaves as if /encode had answered 500: the previous prompt runs again"},
    {"decode_failed", runtime, "F2b F5", "",
     "a piece behaves as if /decode had answered 500: two tries, then no text"},
    {"engine_error", runtime, "F15", "after=0, text=garbage",
     "every device step from that token on fails: an `AX_ENGINE_Execute` line each, `garbage` or `empty` "
     "text"},
    {"device_hang", engines, "F16", "phase=decode, after=0",
     "a device step (`reset`, `prefill`, `decode`) blocks until the fault is switched off: done:false, stop "
     "without effect"},
    {"device_slow", engines, "", "factor=10", "every device step takes that many times longer"},
    {"never_end", engines, "", "", "the model emits no EOS"},
    {"first_token_eos", engines, "", "",
     "the model wants to end at once: EOS becomes ordinary output (a chat server: no output)"},
    {"block_pool", runtime, "F18", "ms=5000",
     "every HTTP thread is held for so long, as by idle connections"},
    {"start_axcl_init", runtime, "", "code=1", "axclInit fails: no output, exit status is the code"},
    {"start_loader", runtime, "", "library=libaxcl_rt.so", "a shared library is missing: exit status 127"},
    {"start_no_device", runtime, "", "", "the library finds no card: 255"},
    {"start_set_device", runtime, "", "", "axclrtSetDevice fails: 255"},
    {"start_handshake", runtime, "", "ms=1000", "the worker's handshake with the card times out: 255"},
    {"start_layer_missing", runtime, "F14", "layer=1", "as if this layer file were absent"},
    {"start_layer_lfs", runtime, "F14", "layer=1", "as if this layer file were a git-LFS pointer"},
    {"start_post_missing", runtime, "", "", "as if the post model were absent: 255"},
    {"start_post_lfs", runtime, "", "", "as if the post model were a git-LFS pointer: 255"},
    {"start_embed_missing", runtime, "", "", "as if the embedding file were absent: 255"},
    {"start_embed_size", runtime, "", "size=132", "as if the embedding file had this size: 255"},
    {"start_post_config", runtime, "", "kind=missing",
     "`missing`: greedy, runs; `syntax` or `key`: dies of SIGABRT"},
    {"start_stall", runtime, "", "after=1", "loading stops for ever after so many layers"},
    {"start_port_taken", engines, "F17", "",
     "bind fails: ready line, then exit status 0; a chat server ends as its original does"},
    {"forget_uids", tokenizer, "F2 F2b", "", "action: every uid becomes unknown, as after a restart"},
    {"unknown_uid", tokenizer, "F2", "route", "answers `{\"error\": \"Invalid uid\"}`"},
    {"mute", tokenizer, "F13", "", "action: leaves half a character in every decode cache"},
    {"changed_wrapper", tokenizer, "", "text=",
     "the script writes the text behind every user text; without one a number that rises with each turn"},
    {"start_fail", chat, "", "", "the load fails with the original's words and its exit status"},
    {"start_oom", chat, "", "",
     "the load finds no memory on the device: the original's words and exit status"},
    {"stream_error", chat, "", "after=0",
     "a run fails after that many tokens, in the original's way: an error event, an end without a word, 500 "
     "where nothing was sent"},
    {"error_text", chat, "", "after=0, text=[ERROR: device lost]",
     "after that many tokens the failure comes as ordinary text, and then an ordinary end"},
    {"salt_refused", chat, "", "", "vllm: a request with `cache_salt` is 400, as with the engine V0"},
    {"no_done", chat, "", "", "a stream ends without its `[DONE]`"},
    {"done_without_finish", chat, "", "after=0",
     "after that many tokens a stream ends with a bare `[DONE]`, as at a time limit"},
    {"ignore_cancel", chat, "", "", "a client that leaves does not end its run"},
    {"npu_idle", engines, "", "", "the card's compute counter stays at zero during generation"},
    {"cpu_fallback", engines, "", "threads=2",
     "the same, and so many threads burn real processor time while tokens are made"},
    {"foreign_id", tokenizer, "", "route", "an id beyond the vocabulary is added to the answer"},
});

std::string_view program_name(fault_program program) {
    switch (program) {
        case runtime:
            return "runtime";
        case tokenizer:
            return "tokenizer";
        case both:
            return "both";
        case chat:
            return "chat";
        case engines:
            return "runtime, chat";
        case all:
            return "all";
    }
    return "";
}

}  // namespace

std::span<const fault_entry> fault_catalog() {
    return entries;
}

const fault_entry* find_fault(std::string_view name) {
    for (const auto& entry : entries)
        if (entry.name == name) return &entry;
    return nullptr;
}

std::string fault_table_markdown() {
    std::string out = "| fault | program | rows | args (default) | effect |\n|---|---|---|---|---|\n";
    for (const auto& entry : entries) {
        out += "| `";
        out += entry.name;
        out += "` | ";
        out += program_name(entry.program);
        out += " | ";
        out += entry.rows;
        out += " | ";
        out += entry.args;
        out += " | ";
        out += entry.effect;
        out += " |\n";
    }
    return out;
}

}  // namespace corral::sim
