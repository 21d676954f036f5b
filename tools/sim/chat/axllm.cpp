// `axllm serve` (docs/facts/other_runtimes.md#axllm-serve, docs/facts/vendor_ax.md#axllm).

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "process_end.hpp"
#include "programs.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr int indent = 2;
constexpr int failed_start = 255;

struct axllm_parts {
    chat_program program{"axllm"};
    http_listener listener{program.faults(), program.settings(), {}};
    openai_service* service = nullptr;
    std::string model;
    int longest_prompt = 0;
    bool embeds = false;  // it makes vectors, and nothing else
};

void log_axllm(const char* level, const std::string& text) {
    std::printf("00:00:00.000 %s %s\n", level, text.c_str());
    std::fflush(stdout);
}

std::string axllm_error(const refusal& why) {
    return dump_text({{"error", {{"code", why.type}, {"message", why.message}, {"type", why.type}}}}, indent);
}

// Status 400, and yet the shape of an answer.
void answer_failed_model(const openai_wire& wire, http_exchange& exchange) {
    exchange.answer(400, "application/json", openai_answer(wire, false).whole({}));
}

bool asks_to_think(const json& body) {
    const auto options = body.value("chat_template_kwargs", json::object());
    if (options.is_object() && options.contains("enable_thinking"))
        return options.value("enable_thinking", true);
    return body.value("enable_thinking", true);
}

std::optional<refusal> check_axllm(const axllm_parts& parts, const json& body) {
    const auto bad = [](const std::string& text) {
        return refusal{400, "invalid_request_error", text, json::object()};
    };
    if (!body.contains("model")) return bad("Missing 'model' field");
    if (!body["model"].is_string())
        return refusal{500, "server_error", "type must be string", json::object()};
    const auto asked = body["model"].get<std::string>();
    if (asked != parts.model)
        return bad("Model '" + asked + "' is not available. Available models: " + parts.model);
    for (const char* key : {"temperature", "top_p", "max_tokens"})
        if (body.contains(key) && !body[key].is_number())
            return refusal{500, "server_error", "type must be number", json::object()};
    return std::nullopt;
}

void log_finished(const run_figures& figures) {
    double ms = 0;
    for (const double step : figures.decode_ms) ms += step;
    char line[96];
    std::snprintf(line, sizeof line, "Run:4680 | ttft: %.2f ms", figures.prefill_ms);
    log_axllm("INF", line);
    std::snprintf(line, sizeof line, "Run:5095 | hit eos,decode avg %.2f token/s",
                  ms > 0 ? figures.output_tokens * 1000.0 / ms : 0.0);
    log_axllm("NTC", line);
}

void log_failed(const std::string& why) {
    log_axllm("WRN", "operator():1600 | Returning user-facing chat error: " + why);
}

openai_rules axllm_rules(axllm_parts& parts, const json& config, int timeout_ms) {
    openai_rules rules;
    rules.wire.model = parts.model;
    rules.wire.fresh_ids = true;
    rules.wire.role_chunk = false;
    rules.wire.role_in_each = true;
    rules.wire.always_stop = true;
    rules.wire.unit = usage_unit::zero;
    rules.wire.usage_in_last = true;
    rules.wire.indent = indent;
    rules.context = config.value("max_token_len", 2559);
    rules.default_max_tokens = config.value("server_default_max_tokens", 2048);
    rules.most_max_tokens = config.value("server_max_output_tokens", -1);
    rules.honours_stop = false;
    rules.cancels = false;
    rules.guarded = true;
    rules.time_limit_ms = timeout_ms;
    rules.error_body = axllm_error;
    rules.failure = {400, "model_error", "模型运行失败，请重新尝试。", json::object()};
    rules.stream_error = [](const refusal& why) {
        return sse_event({{"error", {{"message", why.message}, {"type", why.type}}}});
    };
    rules.check = [&parts](const json& body) { return check_axllm(parts, body); };
    rules.prompt = [&parts](const json& body) {
        return render_chatml(body.at("messages"), body.value("tools", json()),
                             {parts.program.snapshot().tokenizer.family, asks_to_think(body)});
    };
    rules.marks_thought = [](const json& body) { return body.value("enable_thinking", false); };
    parts.longest_prompt = config.value("prefill_max_token_num", rules.context - 1);
    if (parts.embeds) rules.dimensions = 64;
    rules.longest_text = parts.longest_prompt;
    rules.text_too_long = [failure = rules.failure](int) { return failure; };
    rules.no_embeddings = {
        400, "invalid_request_error", "Model '" + parts.model + "' does not support embeddings", {}};
    rules.too_long = [limit = parts.longest_prompt](int tokens) -> std::optional<refusal> {
        if (tokens <= limit) return std::nullopt;
        const refusal why{400, "model_error", "输入内容超过模型长度上限。", json::object()};
        log_failed(why.message);
        return why;
    };
    rules.refuses_late = true;
    rules.hides_failure = true;
    rules.done = [why = rules.failure.message](const std::string&, const run_figures& figures) {
        figures.reason == "error" ? log_failed(why) : log_finished(figures);
    };
    rules.failed = [wire = rules.wire](http_exchange& exchange) { answer_failed_model(wire, exchange); };
    return rules;
}

void answer_axllm_models(const axllm_parts& parts, http_exchange& exchange) {
    exchange.answer(200, "application/json",
                    dump_text({{"object", "list"},
                               {"data", json::array({{{"id", parts.model},
                                                      {"object", "model"},
                                                      {"created", 1767225600},
                                                      {"owned_by", "openai-api"},
                                                      {"prefill_max_token_num", parts.longest_prompt},
                                                      {"max_token_len", parts.service->rules().context}}})}},
                              indent));
}

void route_axllm(axllm_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    const bool get = request.method == "GET";
    if (request.method == "OPTIONS") return exchange.answer(204, "", "");
    if (get && path == "/health")
        return exchange.answer(
            200, "application/json",
            dump_text(
                {{"concurrency", parts.service->guarded()}, {"max_concurrency", 1}, {"status", "healthy"}},
                indent));
    if (get && (path == "/v1/models" || path == "/models")) return answer_axllm_models(parts, exchange);
    const bool posts = request.method == "POST";
    if (posts && (path == "/v1/embeddings" || path == "/embeddings"))
        return parts.service->embed(request, exchange);
    if (posts && parts.embeds)
        return parts.service->refuse(exchange, {400, "invalid_request_error", "It makes no answers", {}});
    if (posts && (path == "/v1/chat/completions" || path == "/chat/completions"))
        return parts.service->answer(request, exchange);
    exchange.answer(404, "", "");
}

json read_axllm_config(const std::string& folder) {
    std::ifstream file(std::filesystem::path(folder) / "config.json");
    auto config = json::parse(file, nullptr, false);
    if (config.is_object()) return config;
    std::puts("Failed to load config");
    leave(failed_start);
}

void load_axllm(axllm_parts& parts) {
    log_axllm("INF", "Init:218 | LLM init start");
    const auto end = parts.program.load();
    if (end == load_end::done) return log_axllm("INF", "Init:467 | LLM init ok");
    if (end == load_end::no_memory) {
        std::fputs(
            "[mem-guard] UNSAFE: loading 'sim.axmodel' (~4779 MB) would leave ~-4567 MB free "
            "(< floor 128 MB); remaining=212 MB\n"
            "[mem-guard] non-interactive (no TTY): aborting load. Set mem_guard_on_unsafe=warn to force, "
            "or mem_guard_enable=false to disable.\n",
            stderr);
        log_axllm("ERR",
                  "Init:330 | mem-guard aborted device load: sim.axmodel (est 4779 MB, remain 212 MB)");
    } else
        log_axllm("ERR", "Init:335 | init axmodel failed");
    chat_program::leave_clean(failed_start);
}

}  // namespace

int run_axllm(const std::vector<std::string>& args) {
    if (!args.empty() && args[0] == "version") {
        std::puts("axllm simulated\nbackend : AXCL");
        return 0;
    }
    if (args.size() < 2 || args[0] != "serve") {
        std::puts("Usage: axllm serve <model_dir> [--port N] [--server_timeout_ms N]");
        return failed_start;
    }
    const command_flags flags(args, {"--port", "--server_timeout_ms"}, {});  // others are passed over
    auto& parts = *new axllm_parts;
    const auto config = read_axllm_config(args[1]);
    parts.model = config.value("model_name", "axllm");
    parts.embeds = config.value("is_embedding", config.value("embedding", false));
    const int port = flags.number("--port", config.value("port", 8000));
    if (!parts.program.listen(parts.listener, "0.0.0.0", port)) {
        std::printf("Port %d is unavailable: %s\n", port, std::strerror(errno));
        chat_program::leave_clean(failed_start);
    }
    parts.listener.close_listener();  // only a probe; the real one comes after the load
    load_axllm(parts);
    parts.service = new openai_service(
        parts.program,
        axllm_rules(parts, config,
                    flags.number("--server_timeout_ms", config.value("server_timeout_ms", 300000))));
    const int bound = parts.listener.port();
    std::printf(
        "Starting server on port %d with model '%s'...\nAPI URLs:\n  http://127.0.0.1:%d/v1\nAliases:\n"
        "OpenAI API Server starting on http://0.0.0.0:%d\nMax concurrency: 1\nModels: %s\n",
        bound, parts.model.c_str(), bound, bound, parts.model.c_str());
    std::fflush(stdout);
    if (!parts.listener.bind(address_from_environment("0.0.0.0"), bound))
        chat_program::leave_clean(failed_start);
    chat_program::watch_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT},
                                [](int, int) { chat_program::leave_clean(0); });
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_axllm(parts, request, exchange);
    };
    parts.listener.serve(handler);
    return 0;
}

}  // namespace corral::sim
