// fastllm's `ftllm server` (docs/facts/other_runtimes.md#fastllm): load progress that a machine can read, and
// a processor that does the work when the device has another name.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::array<const char*, 5> known_devices{"cuda", "tops", "tfacc", "numa", "disk"};

struct ftllm_parts {
    chat_program program{"fastllm"};
    http_listener listener{
        program.faults(), program.settings(), {.look = {.headers = {{"server", "uvicorn"}}}}};
    openai_service* service = nullptr;
    std::string model;
    std::string key;
    bool developer = false;
    bool progress = false;
    int sequence = 0;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

json error_object(const refusal& why) {
    return {{"object", "error"},
            {"message", why.message},
            {"type", why.type.empty() ? "BadRequestError" : why.type},
            {"code", why.status}};
}

std::string flat_error(const refusal& why) {
    return dump_text(error_object(why));
}

void say_progress(ftllm_parts& parts, const char* type, const char* stage, int percent) {
    if (!parts.progress) return;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - parts.since);
    const json event{{"type", type},
                     {"stage", stage},
                     {"percent", percent},
                     {"current", percent},
                     {"total", 100},
                     {"message", stage},
                     {"completed_bytes", percent * 10'485'760LL},
                     {"total_bytes", 1'048'576'000LL},
                     {"version", 1},
                     {"sequence", ++parts.sequence},
                     {"elapsed_ms", elapsed.count()}};
    std::fprintf(stderr, "FTLLM_PROGRESS %s\n", dump_text(event).c_str());
}

openai_rules ftllm_rules(ftllm_parts& parts, int context) {
    openai_rules rules;
    rules.wire.model = parts.model;
    rules.wire.id_prefix = "fastllm-";
    rules.wire.usage_in_last = true;
    rules.wire.cached_tokens = true;
    rules.context = context;
    rules.default_max_tokens = 32768;
    rules.several_tokens = true;
    rules.error_body = flat_error;
    rules.failure = {400, "", "inference failed", json::object()};
    rules.stream_error = [](const refusal& why) { return sse_event({{"error", error_object(why)}}); };
    rules.ping_ms = 15000;
    rules.refuses_late = true;
    rules.check = [&parts](const json& body) -> std::optional<refusal> {
        const auto model = body.value("model", json());
        if (model != parts.model)
            return refusal{404, "NotFoundError",
                           "The model `" + (model.is_string() ? model.get<std::string>() : dump_text(model)) +
                               "` does not exist.",
                           json::object()};
        return std::nullopt;
    };
    rules.prompt = [&parts](const json& body) {
        return render_chatml(body.at("messages"), body.value("tools", json()),
                             {parts.program.snapshot().tokenizer.family, template_thinks(body)});
    };
    rules.too_long = [context](int tokens) -> std::optional<refusal> {
        if (tokens < context) return std::nullopt;
        return refusal{400, "context_length_exceeded",
                       "上下文长度不足（prompt too long）：对话内容超过当前模型或 KV 缓存允许的长度。",
                       json::object()};
    };
    rules.cancelled = [] { std::fputs("Abort disconnected request: fastllm-simulated\n", stdout); };
    return rules;
}

void route_ftllm(ftllm_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    const auto key = request.headers.find("authorization");
    if (!parts.key.empty() && (key == request.headers.end() || key->second != "Bearer " + parts.key))
        return exchange.answer(401, "application/json", R"({"error":"Unauthorized"})");
    if (path == "/v1/models" && request.method == "GET")
        return exchange.answer(200, "application/json",
                               dump_text({{"object", "list"},
                                          {"data", json::array({{{"id", parts.model},
                                                                 {"object", "model"},
                                                                 {"created", 1767225600},
                                                                 {"owned_by", "fastllm"}}})}}));
    if (path == "/v1/cancel" || path == "/v1/active_conversations") {
        if (!parts.developer)
            return exchange.answer(403, "application/json",
                                   flat_error({403, "", "dev_mode is off", json::object()}));
        if (path == "/v1/cancel") parts.program.engine().stop_current();
        return exchange.answer(200, "application/json", R"({"conversations":[]})");
    }
    if (path == "/v1/chat/completions" && request.method == "POST")
        return parts.service->answer(request, exchange);
    exchange.answer(404, "application/json", R"({"detail":"Not Found"})");
}

void load_ftllm(ftllm_parts& parts) {
    for (const char* stage : {"initializing", "tokenizer", "weights_prepare"})
        say_progress(parts, "startup.progress", stage, 0);
    const auto end = parts.program.load(
        [&parts](int percent) { say_progress(parts, "startup.progress", "weights_load", percent); });
    if (end != load_end::done) {
        say_progress(parts, "startup.failed", "weights_load", 50);
        std::fputs(end == load_end::no_memory
                       ? "terminate called after throwing an instance of 'std::bad_alloc'\n"
                       : "FastLLM Error: failed to load model.\n",
                   stderr);
        die_by_signal(SIGABRT);
    }
    for (const char* stage : {"weights_finalize", "warmup", "server_starting"})
        say_progress(parts, "startup.progress", stage, 100);
}

// Any device name is taken; one that nobody registered leaves all work to the processor, without a word.
void choose_device(ftllm_parts& parts, const std::string& device, int threads) {
    for (const char* known : known_devices)
        if (device.starts_with(known)) return;
    if (device == "cpu")
        parts.program.faults().set("npu_idle", true, {});
    else
        parts.program.faults().set("cpu_fallback", true, {{"threads", threads}});
}

void stop_ftllm(ftllm_parts& parts, int count) {
    if (count > 1) chat_program::leave_clean(0);
    std::fputs("INFO:     Shutting down\n", stderr);
    parts.listener.close_listener();
    while (parts.program.engine().active() > 0) std::this_thread::sleep_for(5ms);
    chat_program::leave_clean(0);
}

}  // namespace

int run_fastllm(const std::vector<std::string>& args) {
    const command_flags flags(
        args,
        {"--host", "--port", "--model_name", "--device", "-t", "--threads", "--dtype", "--max_batch",
         "--max_context_length", "--kv_cache_limit", "--api_key", "--startup-progress"},
        {"--dev_mode"});
    const auto& words = flags.words();
    if (!flags.wrong().empty() || words.size() < 2 || (words[0] != "server" && words[0] != "serve")) {
        std::fprintf(stderr,
                     "usage: ftllm server MODEL [options]\nftllm: error: unrecognized arguments: %s\n",
                     flags.wrong().c_str());
        return 2;
    }
    auto& parts = *new ftllm_parts;
    parts.model = flags.text("--model_name", words[1]);
    parts.key = flags.text("--api_key", "");
    parts.developer = flags.has("--dev_mode");
    parts.progress = flags.text("--startup-progress", "") == "ndjson";
    parts.program.engine().set_places(std::max(1, flags.number("--max_batch", 16)));
    const int context = flags.number("--max_context_length", 32768);
    parts.service = new openai_service(parts.program, ftllm_rules(parts, context));
    choose_device(parts, flags.text("--device", "cpu"), flags.number("-t", flags.number("--threads", 4)));
    load_ftllm(parts);
    const auto host = flags.text("--host", "0.0.0.0");
    const int port = flags.number("--port", 8080);
    if (!parts.program.listen(parts.listener, host, port)) {
        std::fprintf(stderr,
                     "ERROR:    [Errno 98] error while attempting to bind on address ('%s', %d): address "
                     "already in use\n",
                     host.c_str(), port);
        chat_program::leave_clean(1);
    }
    chat_program::watch_signals({SIGINT, SIGTERM}, [&parts](int, int count) { stop_ftllm(parts, count); });
    std::printf("Model context window: %d tokens per session\n", context);
    std::fflush(stdout);
    std::fprintf(stderr,
                 "INFO:     Application startup complete.\nINFO:     Uvicorn running on http://%s:%d\n",
                 host.c_str(), parts.listener.port());
    say_progress(parts, "startup.ready", "ready", 100);
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_ftllm(parts, request, exchange);
    };
    parts.listener.serve(handler);
    for (;;) pause();  // the thread of the signal ends the program
}

}  // namespace corral::sim
