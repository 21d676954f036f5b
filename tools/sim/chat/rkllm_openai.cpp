// Rockchip's flask_server.py of 1.3.0 (docs/facts/other_runtimes.md#rkllm-openai): the look of OpenAI's API,
// one connection after the other, no history, no system prompt, words for tokens.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>

#include "chat/chat_template.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "chat/rkllm_start.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr const char* rkllm_busy = "RKLLM_Server is busy! Maybe you can try again later.";

struct rkllm_parts {
    chat_program program{"rkllm-openai"};
    http_listener listener{
        program.faults(), program.settings(), {.look = rkllm_look(true), .threaded = false}};
    openai_service* service = nullptr;
    std::string model;
    std::size_t previous_count = 0;  // of messages, whoever sent them
};

std::string rkllm_error(const refusal& why) {
    return dump_text(
        {{"error", {{"message", why.message}, {"type", why.type}, {"param", nullptr}, {"code", nullptr}}}});
}

// Only what stands beyond the length of the request before, and of that the last user or tool text.
std::string newest_input(rkllm_parts& parts, const json& messages) {
    const auto first = messages.size() > parts.previous_count ? parts.previous_count : 0;
    parts.previous_count = messages.size();
    std::string input;
    json tools = json::array();
    for (auto at = first; at < messages.size(); ++at) {
        const auto role = messages.at(at).value("role", "");
        const auto text = content_text(messages.at(at).value("content", json()));
        if (role == "user") {
            input = text;
            tools.clear();
        }
        if (role == "tool") tools.push_back(text);
    }
    return tools.empty() ? input : tools.dump();
}

std::string rkllm_prompt(rkllm_parts& parts, const json& body) {
    const auto& messages = body.at("messages");
    const auto tools = body.value("tools", json());
    json seen = json::array();
    if (tools.is_array() && !tools.empty() && messages.at(0).value("role", "") == "system")
        seen.push_back(messages.at(0));
    seen.push_back({{"role", "user"}, {"content", newest_input(parts, messages)}});
    return render_chatml(seen, tools,
                         {parts.program.snapshot().tokenizer.family, body.value("enable_thinking", false)});
}

openai_rules rkllm_rules(rkllm_parts& parts) {
    openai_rules rules;
    rules.wire.model = parts.model;
    rules.wire.fresh_ids = true;
    rules.wire.empty_last = true;
    rules.wire.always_stop = true;
    rules.wire.unit = usage_unit::words;
    rules.default_max_tokens = 4096;
    rules.honours_stop = false;
    rules.shifts = true;
    rules.by_character = true;
    rules.cancels = false;
    rules.head_waits = true;
    rules.error_body = rkllm_error;
    rules.failure = {500, "server_error", "run error", json::object()};
    // A failed run is an end like any other.
    rules.stream_error = [](const refusal&) { return std::string(); };
    rules.check = [](const json& body) -> std::optional<refusal> {
        if (body.contains("messages") && body["messages"].is_array() && !body["messages"].empty())
            return std::nullopt;
        return refusal{400, "invalid_request_error", "messages is required", json::object()};
    };
    rules.busy = [&parts]() -> std::optional<refusal> {
        if (parts.program.engine().active() == 0) return std::nullopt;
        return refusal{503, "server_error", rkllm_busy, json::object()};
    };
    rules.prompt = [&parts](const json& body) { return rkllm_prompt(parts, body); };
    rules.counted = [](const json& body) {
        return content_text(body.at("messages").back().value("content", json()));
    };
    rules.done = [&parts](const std::string&, const run_figures& figures) {
        say_end_of_run(parts.program, figures);
    };
    return rules;
}

// int(None) and float(None) raise.
bool has_null(const json& body) {
    for (const char* key : {"temperature", "top_p", "top_k", "max_tokens", "repeat_penalty",
                            "frequency_penalty", "presence_penalty"})
        if (body.is_object() && body.contains(key) && body[key].is_null()) return true;
    return false;
}

void route_rkllm(rkllm_parts& parts, const chat_request& request, http_exchange& exchange) {
    constexpr const char* html = "text/html; charset=utf-8";
    if (request.path == "/v1/models" && request.method == "GET")
        return exchange.answer(200, "application/json",
                               dump_text({{"object", "list"},
                                          {"data", json::array({{{"id", parts.model},
                                                                 {"object", "model"},
                                                                 {"created", 1767225600},
                                                                 {"owned_by", "rkllm"}}})}}));
    if (request.path != "/v1/chat/completions")
        return exchange.answer(404, html, "<!doctype html>\n<title>404 Not Found</title>\n");
    if (request.method != "POST")
        return exchange.answer(405, html, "<!doctype html>\n<title>405 Method Not Allowed</title>\n");
    if (has_null(json::parse(request.body, nullptr, false)))
        return exchange.answer(500, html, "<!doctype html>\n<title>500 Internal Server Error</title>\n");
    parts.service->answer(request, exchange);
}

[[noreturn]] void release_twice(const rkllm_parts& parts) {
    std::puts("Received interrupt signal, releasing RKLLM model resources...");
    std::fflush(stdout);
    const int status = parts.program.snapshot().chat.release_status;
    if (status == 128 + SIGSEGV) die_by_signal(SIGSEGV);
    if (status == 128 + SIGABRT) die_by_signal(SIGABRT);
    chat_program::leave_clean(status);
}

}  // namespace

int run_rkllm_openai(const std::vector<std::string>& args) {
    auto& parts = *new rkllm_parts;
    parts.model = load_rkllm(parts.program, args, "1.3.0");
    parts.program.engine().set_places(0);
    std::printf("Model name: %s\n", parts.model.c_str());
    parts.service = new openai_service(parts.program, rkllm_rules(parts));
    if (!parts.program.listen(parts.listener, "0.0.0.0", 8080)) end_port_taken();
    chat_program::watch_signals({SIGINT, SIGTERM}, [&parts](int, int) { release_twice(parts); });
    announce_flask(parts.listener.port());
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_rkllm(parts, request, exchange);
    };
    parts.listener.serve(handler);
    return 0;
}

}  // namespace corral::sim
