#include "runtime/vendor_routes.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/vendor_log.hpp"

namespace corral::sim {
namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;

constexpr const char* json_type = "application/json";
// Of the builds without a reset, compiled in.
constexpr const char* stateless_system = "You are a helpful assistant.";

void answer_ok(Response& response) {
    response.set_content(R"({"status": "ok"})", json_type);
}

void refuse(Response& response, const char* text) {
    response.status = 400;
    response.set_content(std::string(R"({"error": ")") + text + "\"}", json_type);
}

void refuse_format(Response& response, const Request& request, const char* handler, int line) {
    log_line(log_level::error, handler, line, "Invalid request format, body is discarded %s",
             request.body.c_str());
    refuse(response, "Invalid request format");
}

void refuse_busy(Response& response, const char* handler, int line) {
    log_line(log_level::error, handler, line, "model not available");
    refuse(response, "llm is running");
}

std::optional<json> parse(const std::string& body) {
    auto parsed = json::parse(body, nullptr, false);
    if (parsed.is_discarded()) return std::nullopt;
    return std::make_optional(std::move(parsed));
}

bool busy(route_parts& parts) {
    return parts.engine.running() || parts.faults.fire("busy");
}

// The time in which an accepted job is not yet running.
void wait_as_told(route_parts& parts) {
    int ms = parts.settings.snapshot().timing.worker_delay_ms;
    if (const auto fault = parts.faults.fire("early_done")) ms = fault->value("ms", 300);
    if (ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

void handle_reset(route_parts& parts, const Request& request, Response& response) {
    const auto body = parse(request.body);
    if (!body) return refuse_format(response, request, "handle_reset", 396);
    std::string system_prompt;
    if (body->contains("system_prompt")) system_prompt = (*body)["system_prompt"].get<std::string>();
    if (busy(parts)) return refuse_busy(response, "handle_reset", 409);
    ++parts.counters.resets;
    if (!parts.faults.fire("swallow_reset"))
        parts.worker.submit([&parts, system_prompt] {
            wait_as_told(parts);
            parts.engine.execute_reset(system_prompt);
        });
    answer_ok(response);
}

void handle_generate(route_parts& parts, const Request& request, Response& response) {
    const auto body = parse(request.body);
    if (!body || !body->contains("prompt")) return refuse_format(response, request, "handle_generate", 356);
    if (busy(parts)) return refuse_busy(response, "handle_generate", 369);
    parts.engine.apply_sampling(*body);
    const auto prompt = (*body)["prompt"].get<std::string>();
    log_line(log_level::info, "handle_generate", 376, "%s", prompt.c_str());
    ++parts.counters.generates;
    parts.journal.stamp("generate");
    if (!parts.faults.fire("swallow_generate"))
        parts.worker.submit([&parts, prompt] {
            wait_as_told(parts);
            if (parts.settings.snapshot().stateless) parts.engine.execute_reset(stateless_system);
            parts.engine.execute_run(prompt, run_kind::generate);
        });
    answer_ok(response);
}

void handle_poll(route_parts& parts, const Request&, Response& response) {
    // Text first, then the flag, as the original: what is pushed in between stays for the next poll.
    auto text = parts.engine.texts().drain();
    const bool done = !parts.engine.running();
    ++parts.counters.polls;
    parts.counters.last_poll_ns = monotonic_ns();
    parts.journal.stamp("poll", 0, 0, text);
    const json answer{{"done", done}, {"response", std::move(text)}};
    response.set_content(answer.dump(-1, ' ', false, json::error_handler_t::replace), json_type);
}

void handle_stop(route_parts& parts, const Request&, Response& response) {
    ++parts.counters.stops;
    parts.journal.stamp("stop");
    if (!parts.faults.fire("stop_lost")) parts.engine.request_stop();
    answer_ok(response);
}

// Only the first element with both keys counts, whatever its role.
void handle_chat(route_parts& parts, const Request& request, Response& response) {
    const auto body = parse(request.body);
    if (!body || !body->contains("messages")) return refuse_format(response, request, "handle_chat", 424);
    if (busy(parts)) return refuse_busy(response, "handle_chat", 437);
    parts.engine.apply_sampling(*body);
    const auto messages = (*body)["messages"].get<std::vector<json>>();
    std::optional<std::string> content;
    for (const auto& message : messages)
        if (!content && message.contains("role") && message.contains("content"))
            content = message["content"].get<std::string>();
    if (!content) return refuse(response, "Invalid message format");
    const auto reply = parts.engine.execute_run(*content, run_kind::chat);
    const json answer{{"done", true}, {"message", reply}};
    response.set_content(answer.dump(-1, ' ', false, json::error_handler_t::replace), json_type);
}

}  // namespace

void add_vendor_routes(vendor_http_server& server, route_parts& parts) {
    const auto bind = [&parts](void (*handler)(route_parts&, const Request&, Response&)) {
        return [&parts, handler](const Request& q, Response& r) { handler(parts, q, r); };
    };
    server.Get("/api/stop", bind(handle_stop));
    server.Get("/api/generate_provider", bind(handle_poll));
    if (!parts.settings.snapshot().stateless) server.Post("/api/reset", bind(handle_reset));
    server.Post("/api/generate", bind(handle_generate));
    server.Post("/api/chat", bind(handle_chat));
}

}  // namespace corral::sim
