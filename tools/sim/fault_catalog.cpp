#include "fault_catalog.hpp"

#include <array>

namespace corral::sim {
namespace {

using enum fault_program;

constexpr auto entries = std::to_array<fault_entry>({
    {"kill_at", all, "F1 F4 F7 F10 F11 F12 F14", "phase=now, signal=SEGV, after=0, exit=-1",
     "dies at a phase"},
    {"freeze", all, "F16", "phase=now",
     "stops itself with SIGSTOP at a phase (as for `kill_at`); SIGCONT wakes it"},
    {"hang", all, "F7", "route, ms=-1", "takes the request and never answers (ms: closes after so long)"},
    {"slow_reply", all, "F6 F7", "route, ms=1000", "answers so much later"},
    {"drop_reply", all, "F4", "route", "closes the connection without an answer"},
    {"truncated_reply", all, "", "route", "sends half of the answer's body, then closes"},
    {"garbage_reply", all, "F3 F5", "route, level=body",
     "`body`: 200 with a body that is not JSON; `http`: no HTTP"},
    {"status_reply", all, "F3 F5 F8 F19 F20", "route, status=500, body=, holding=", "answers this by itself"},
    {"empty_reply", all, "F8b", "route", "200 with an empty body; the handler does not run"},
    {"early_done", runtime, "", "ms=300",
     "widens the window between an accepted generate or reset and `running = true`"},
    {"swallow_generate", runtime, "", "", "answers ok and drops the run"},
    {"swallow_reset", runtime, "", "", "answers ok and drops the reset"},
    {"stop_lost", runtime, "", "", "stop answers ok and does nothing"},
    {"busy", engines, "F21", "", "generate, reset and chat answer that they are busy, where they can"},
    {"stale_text", runtime, "F22", "text=stale text, now=true",
     "puts it into the poll queue, now and after each reset"},
    {"context_full", runtime, "F9", "", "a run ends with the in-band context text"},
    {"lost_row", runtime, "", "",
     "the cache is a row shorter than after the run before, as after a foreign stop"},
    {"decode_differs", runtime, "", "",
     "behind rows of decode a near tie falls otherwise, at the second token"},
    {"encode_failed", runtime, "F3", "",
     "a run behaves as if /encode had answered 500: the previous prompt runs again"},
    {"decode_failed", runtime, "F2b F5", "",
     "a piece behaves as if /decode had answered 500: two tries, then no text"},
    {"engine_error", runtime, "F15", "after=0, text=garbage, calls=0",
     "device steps fail from that token on, with lines"},
    {"device_hang", engines, "F16", "phase=decode, after=0", "a device step blocks until it is switched off"},
    {"device_slow", engines, "", "factor=10", "every device step takes that many times longer"},
    {"never_end", engines, "", "", "the model emits no EOS"},
    {"first_token_eos", engines, "", "", "the model wants to end at once: EOS becomes output (chat: none)"},
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
    {"start_port_taken", engines, "F17", "", "bind fails: ready line, then status 0; chat: as its original"},
    {"forget_uids", tokenizer, "F2 F2b", "", "action: every uid becomes unknown, as after a restart"},
    {"unknown_uid", tokenizer, "F2", "route", "answers `{\"error\": \"Invalid uid\"}`"},
    {"mute", tokenizer, "F13", "", "action: leaves half a character in every decode cache"},
    {"changed_wrapper", tokenizer, "",
     "text=", "the script writes the text, else a rising number, behind every user text"},
    {"start_fail", chat, "", "", "the load fails with the original's words and its exit status"},
    {"start_oom", chat, "", "",
     "the load finds no memory on the device: the original's words and exit status"},
    {"stream_error", chat, "", "after=0", "a run fails after that many tokens, in the original's way"},
    {"error_text", chat, "", "after=0, text=[ERROR: device lost]",
     "after that many tokens the failure comes as text"},
    {"errors_200", chat, "", "", "hailo-ollama: refusals have status 200, as in 5.1.1"},
    {"salt_refused", chat, "", "", "vllm: a request with `cache_salt` is 400, as with the engine V0"},
    {"aborts", chat, "", "", "vllm: a run that fails ends with `finish_reason` `abort`, not with an error"},
    {"old_errors", chat, "", "", "llama-server: a stream's error is a line `error:`, as until late 2025"},
    {"worker_raises", chat, "", "",
     "rkllama: a run that fails is the worker's failure, a token as any other"},
    {"npu_refuses", chat, "", "", "rkllm: the library says that the NPU refused work, and the run ends well"},
    {"no_done", chat, "", "", "a stream ends without its `[DONE]`"},
    {"done_without_finish", chat, "", "after=0", "after so many tokens a bare `[DONE]`, as at a time limit"},
    {"ignore_cancel", chat, "", "", "a client that leaves does not end its run"},
    {"npu_idle", engines, "", "", "the card's compute counter stays at zero during generation"},
    {"cpu_fallback", engines, "", "threads=2", "the same, and so many threads burn processor time meanwhile"},
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
