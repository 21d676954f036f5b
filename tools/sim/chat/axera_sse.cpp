// The Axera runtime between polling and axllm (docs/facts/vendor_ax.md#sse-build): 355e18a takes an array and
// forgets, 0aafb9c takes one object and keeps the history.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <mutex>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr const char* model_name = "AXERA-TECH/Qwen3-1.7B";
constexpr const char* json_type = "application/json";

struct axera_sse_parts {
    chat_program program{"axera-sse"};
    http_listener listener{program.faults(), program.settings(), {}};
    openai_service* service = nullptr;
    bool keeps_history = false;
    std::mutex mutex;
    json history = json::array();
};

std::string plain_error(const refusal& why) {
    return dump_text({{"error", why.message}});
}

std::string axera_prompt(axera_sse_parts& parts, const json& body) {
    (void)body.at("model").get_ref<const std::string&>();  // without one the original throws
    const auto& messages = body.at("messages");
    const template_options options{parts.program.snapshot().tokenizer.family, true};
    if (!parts.keeps_history) {
        if (!messages.is_array()) throw json::type_error::create(302, "messages must be an array", nullptr);
        return render_chatml(messages, {}, options);
    }
    const std::lock_guard lock(parts.mutex);
    const auto text = content_text(messages.at("content"));
    if (messages.at("role") != "user") throw json::type_error::create(302, "role must be user", nullptr);
    parts.history.push_back({{"role", "user"}, {"content", text}});
    return render_chatml(parts.history, {}, options);
}

openai_rules axera_rules(axera_sse_parts& parts) {
    openai_rules rules;
    rules.wire.model = model_name;
    rules.wire.id_prefix = "cmpl-";
    rules.wire.id_is_time = true;
    rules.wire.role_content = role_text::absent;
    rules.wire.always_stop = true;
    rules.wire.unit = parts.keeps_history ? usage_unit::bytes : usage_unit::none;
    rules.context = parts.program.snapshot().geometry.max_token_len;
    rules.honours_max_tokens = false;
    rules.honours_stop = false;
    rules.cancels = false;
    rules.abort_is_stop = true;
    rules.several_tokens = true;
    rules.time_limit_ms = 300'000;
    rules.error_body = plain_error;
    rules.busy = [&parts]() -> std::optional<refusal> {
        if (parts.program.engine().active() == 0) return std::nullopt;
        return refusal{400, "", "LLM is running", json::object()};
    };
    rules.prompt = [&parts](const json& body) { return axera_prompt(parts, body); };
    rules.done = [&parts](const std::string&, const run_figures& figures) {
        if (!parts.keeps_history) return;
        const std::lock_guard lock(parts.mutex);
        parts.history.push_back({{"role", "assistant"}, {"content", figures.text}});
    };
    return rules;
}

json model_entry() {
    return {{"id", model_name}, {"object", "model"}, {"created", 1767225600}, {"owned_by", "owner"}};
}

void answer_axera_model(const std::string& id, http_exchange& exchange) {
    if (id == model_name) return exchange.answer(200, json_type, dump_text(model_entry()));
    exchange.answer(404, json_type,
                    dump_text({{"error",
                                {{"code", "model_not_found"},
                                 {"message", "Model not found"},
                                 {"param", "model"},
                                 {"type", "invalid_request_error"}}}}));
}

void reset_history(axera_sse_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (parts.program.engine().active() > 0)
        return parts.service->refuse(exchange, {400, "", "LLM is running", json::object()});
    const auto body = json::parse(request.body, nullptr, false);
    const std::lock_guard lock(parts.mutex);
    parts.history = json::array();
    if (body.is_object() && body.contains("system_prompt") && body["system_prompt"].is_string())
        parts.history.push_back({{"role", "system"}, {"content", body["system_prompt"]}});
    exchange.answer(200, json_type, R"({"status": "ok"})");
}

void route_axera(axera_sse_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    const bool get = request.method == "GET";
    std::printf("req.method:%s req.path:%s \n", request.method.c_str(), path.c_str());
    std::fflush(stdout);
    if (get && path == "/v1/models")
        return exchange.answer(200, json_type,
                               dump_text({{"object", "list"}, {"data", json::array({model_entry()})}}));
    if (get && path.starts_with("/v1/models/")) return answer_axera_model(path.substr(11), exchange);
    if (get && path == "/v1/stop") {
        parts.program.engine().stop_current();
        return exchange.answer(200, json_type, R"({"status": "ok"})");
    }
    if (request.method == "POST" && path == "/v1/chat/completions")
        return parts.service->answer(request, exchange);
    if (request.method == "POST" && path == "/v1/reset" && parts.keeps_history)
        return reset_history(parts, request, exchange);
    exchange.answer(404, "", "");
}

}  // namespace

int run_axera_sse(const std::vector<std::string>& args) {
    const command_flags flags(args, {"--build"}, {});  // the vendor's own flags are passed over
    const auto build = flags.text("--build", "355e18a");
    if (build != "355e18a" && build != "0aafb9c") {
        std::fprintf(stderr, "corral-sim axera-sse: --build must be 355e18a or 0aafb9c, not '%s'\n",
                     build.c_str());
        return 2;
    }
    auto& parts = *new axera_sse_parts;
    parts.keeps_history = build == "0aafb9c";
    parts.program.engine().set_places(1);
    std::puts("[I][                            Init][ 130]: LLM init start");
    std::fflush(stdout);
    if (parts.program.load() != load_end::done) {
        std::puts("[E][                            Init][ 210]: init axmodel failed");
        chat_program::leave_clean(255);
    }
    std::printf("[I][                            Init][ 221]: max_token_len : %d\n",
                parts.program.snapshot().geometry.max_token_len);
    std::puts("[I][                            Init][ 310]: LLM init ok");
    parts.service = new openai_service(parts.program, axera_rules(parts));
    std::puts("Server running on port 8000...");
    std::fflush(stdout);
    if (!parts.program.listen(parts.listener, "0.0.0.0", 8000)) chat_program::leave_clean(0);
    chat_program::watch_signals({SIGINT}, [](int, int) { chat_program::leave_clean(0); });
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_axera(parts, request, exchange);
    };
    parts.listener.serve(handler);
    return 0;
}

}  // namespace corral::sim
