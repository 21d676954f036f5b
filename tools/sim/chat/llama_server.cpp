// llama.cpp's own server (docs/facts/other_runtimes.md#llama-server).

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "process_end.hpp"
#include "vocabulary.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr const char* json_type = "application/json; charset=utf-8";

struct llama_parts {
    chat_program program{"llama-server"};
    http_listener listener{
        program.faults(),
        program.settings(),
        {.look = {.most_requests = 100, .hangs_up = true, .headers = {{"Server", "llama.cpp"}}}}};
    std::atomic<bool> loaded{false};
    std::atomic<int> task{0};
    openai_service* service = nullptr;
    std::string model_path;
    std::string key;
    int context = 4096;
    int slots = 4;
    bool metrics = false;
    bool shows_slots = true;
};

constexpr int vector_length = 64;

// A flag's twin in the environment.
int environment_number(const char* name, int otherwise) {
    const char* const said = std::getenv(name);
    return said == nullptr || *said == '\0' ? otherwise : std::atoi(said);
}

void add_embedding_rules(openai_rules& rules) {
    rules.dimensions = environment_number("LLAMA_ARG_EMBEDDINGS", 0) == 1 ? vector_length : 0;
    rules.no_embeddings = {501, "not_supported_error",
                           "This server does not support embeddings. Start it with `--embeddings`",
                           json::object()};
    const int at_once =
        std::min(environment_number("LLAMA_ARG_BATCH", 2048), environment_number("LLAMA_ARG_UBATCH", 512));
    rules.longest_text = std::min(at_once, rules.context);
    rules.text_too_long = [at_once](int tokens) {
        return refusal{
            500, "server_error",
            "input (" + std::to_string(tokens) +
                " tokens) is too large to process. increase the physical batch size (current batch size: " +
                std::to_string(at_once) + ")",
            json::object()};
    };
}

std::string nested_error(const refusal& why) {
    json error{{"code", why.status}, {"message", why.message}, {"type", why.type}};
    error.update(why.more);
    return dump_text({{"error", error}});
}

refusal not_found() {
    return {404, "not_found_error", "File Not Found", json::object()};
}

bool thinks(const json& body) {
    const auto options = body.value("chat_template_kwargs", json::object());
    return !options.is_object() || options.value("enable_thinking", true);
}

openai_rules rules_for(llama_parts& parts, const std::string& alias, int ping_s) {
    openai_rules rules;
    rules.wire.model = alias;
    rules.wire.role_content = role_text::null;
    rules.wire.usage_if_asked = true;
    rules.wire.cached_tokens = true;
    rules.wire.timings = true;
    rules.wire.progress = true;
    rules.wire.logprobs = logprob_shape::llama_cpp;
    rules.context = parts.context / parts.slots;
    rules.slots = parts.slots;
    add_embedding_rules(rules);
    rules.id_keeps_run = true;
    rules.done_after_error = false;
    rules.ping_ms = ping_s < 0 ? -1 : ping_s * 1000;
    rules.json_type = json_type;
    rules.error_body = nested_error;
    rules.stream_error = [&parts](const refusal& why) {
        if (!parts.program.faults().active("old_errors")) return "data: " + nested_error(why) + "\n\n";
        return "error: " + dump_text(json::parse(nested_error(why))["error"]) + "\n\ndata: [DONE]\n\n";
    };
    rules.failure = {500, "server_error", "Compute error.", json::object()};
    rules.check = [](const json& body) -> std::optional<refusal> {
        if (body.contains("top_logprobs") && !body.value("logprobs", false))
            return refusal{400, "invalid_request_error", "top_logprobs requires logprobs to be set to true",
                           json::object()};
        if (body.contains("messages") && body["messages"].is_array()) {
            const char* const projector = std::getenv("LLAMA_ARG_MMPROJ");
            if ((projector != nullptr && *projector != '\0') ||
                body.dump().find("\"image_url\"") == std::string::npos)
                return std::nullopt;
            return refusal{
                500, "server_error",
                "image input is not supported - hint: if this is unexpected, you may need to provide the "
                "mmproj",
                json::object()};
        }
        return refusal{400, "invalid_request_error", "'messages' is required", json::object()};
    };
    rules.prompt = [&parts](const json& body) {
        return render_chatml(body.at("messages"), body.value("tools", json()),
                             {parts.program.snapshot().tokenizer.family, thinks(body)});
    };
    rules.too_long = [context = rules.context](int tokens) -> std::optional<refusal> {
        if (tokens < context) return std::nullopt;
        return refusal{400,
                       "exceed_context_size_error",
                       "the request exceeds the available context size, try increasing it",
                       {{"n_prompt_tokens", tokens}, {"n_ctx", context}}};
    };
    rules.cancelled = [&parts] {
        std::fprintf(stderr, "srv          stop: cancel task, id_task = %d\n", parts.task.load());
    };
    return rules;
}

json slots_of(llama_parts& parts) {
    json out = json::array();
    auto& engine = parts.program.engine();
    for (int slot = 0; slot < parts.slots; ++slot) {
        const bool busy = slot < engine.active();
        out.push_back({{"id", slot},
                       {"n_ctx", parts.context / parts.slots},
                       {"is_processing", busy},
                       {"next_token", {{"n_decoded", busy ? engine.decoded() : 0}}}});
    }
    return out;
}

void answer_slots(llama_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (!parts.shows_slots)
        return parts.service->refuse(
            exchange,
            {501, "not_supported_error", "This server does not support slots endpoint.", json::object()});
    if (request.query.find("fail_on_no_slot=1") != std::string::npos &&
        parts.program.engine().active() >= parts.slots)
        return parts.service->refuse(exchange,
                                     {503, "unavailable_error", "no slot available", json::object()});
    exchange.answer(200, json_type, dump_text(slots_of(parts)));
}

void answer_props(const llama_parts& parts, http_exchange& exchange) {
    exchange.answer(200, json_type,
                    dump_text({{"default_generation_settings", {{"n_ctx", parts.context / parts.slots}}},
                               {"total_slots", parts.slots},
                               {"model_path", parts.model_path},
                               {"chat_template", "{{ chatml }}"},
                               {"build_info", "b7000-simulated"},
                               {"is_sleeping", false}}));
}

void answer_metrics(llama_parts& parts, http_exchange& exchange) {
    if (!parts.metrics)
        return parts.service->refuse(
            exchange,
            {501, "not_supported_error",
             "This server does not support metrics endpoint. Start it with `--metrics`", json::object()});
    auto& engine = parts.program.engine();
    exchange.answer(200, "text/plain; version=0.0.4",
                    "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing " +
                        std::to_string(engine.active()) +
                        "\n# TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred " +
                        std::to_string(engine.waiting()) + "\n");
}

void answer_tokenize(const llama_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto body = json::parse(request.body, nullptr, false);
    if (!body.is_object())
        return parts.service->refuse(exchange, {400, "invalid_request_error", "parse error", json::object()});
    const auto content = body.value("content", json(""));
    exchange.answer(200, json_type,
                    dump_text({{"tokens", vocabulary::instance().encode(
                                              content.is_string() ? content.get<std::string>() : "")}}));
}

void answer_template(llama_parts& parts, const chat_request& request, http_exchange& exchange) {
    try {
        const auto body = json::parse(request.body);
        exchange.answer(200, json_type, dump_text({{"prompt", parts.service->rules().prompt(body)}}));
    } catch (const json::exception& problem) {
        parts.service->refuse(exchange, {500, "server_error", problem.what(), json::object()});
    }
}

void answer_get(llama_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (request.path == "/props") return answer_props(parts, exchange);
    if (request.path == "/slots") return answer_slots(parts, request, exchange);
    if (request.path == "/metrics") return answer_metrics(parts, exchange);
    if (request.path == "/v1/models" || request.path == "/models")
        return exchange.answer(200, json_type,
                               dump_text({{"object", "list"},
                                          {"data", json::array({{{"id", parts.service->rules().wire.model},
                                                                 {"object", "model"},
                                                                 {"created", 1},
                                                                 {"owned_by", "llamacpp"},
                                                                 {"meta", {{"n_ctx_train", 32768}}}}})}}));
    parts.service->refuse(exchange, not_found());
}

void route_llama(llama_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    if (!parts.loaded)
        return exchange.answer(503, json_type,
                               nested_error({503, "unavailable_error", "Loading model", json::object()}));
    if (path == "/health" || path == "/v1/health")
        return exchange.answer(200, json_type, R"({"status":"ok"})");
    const auto key = request.headers.find("authorization");
    if (!parts.key.empty() && (key == request.headers.end() || key->second != "Bearer " + parts.key))
        return parts.service->refuse(exchange,
                                     {401, "authentication_error", "Invalid API Key", json::object()});
    if (request.method == "GET") return answer_get(parts, request, exchange);
    if (path == "/v1/chat/completions" || path == "/chat/completions") {
        ++parts.task;
        return parts.service->answer(request, exchange);
    }
    if (path == "/v1/completions") {
        ++parts.task;
        return parts.service->answer(request, exchange, answer_kind::completion);
    }
    if (path == "/v1/embeddings" || path == "/embeddings") return parts.service->embed(request, exchange);
    if (path == "/tokenize") return answer_tokenize(parts, request, exchange);
    if (path == "/apply-template") return answer_template(parts, request, exchange);
    parts.service->refuse(exchange, not_found());
}

[[noreturn]] void fail_to_load(const llama_parts& parts, const char* why) {
    std::fprintf(stderr,
                 "llama_model_load: error loading model: %s\nllama_model_load_from_file_impl: failed to load "
                 "model\nsrv    load_model: failed to load model, '%s'\nmain: exiting due to model loading "
                 "error\n",
                 why, parts.model_path.c_str());
    chat_program::leave_clean(1);
}

void load_llama(llama_parts& parts) {
    std::fprintf(stderr, "main: loading model\nsrv    load_model: loading model '%s'\n",
                 parts.model_path.c_str());
    if (!std::filesystem::exists(parts.model_path)) fail_to_load(parts, "failed to open the file");
    const auto end = parts.program.load();
    if (end == load_end::failed) fail_to_load(parts, "tensor data is not within the file bounds");
    if (end == load_end::no_memory) fail_to_load(parts, "unable to allocate buffer");
    std::fputs("main: model loaded\n", stderr);
    chat_program::watch_signals({SIGINT, SIGTERM}, [&parts](int, int count) {
        if (count > 1) {
            std::fputs("Received second interrupt, terminating immediately.\n", stderr);
            leave(1);
        }
        std::fputs("srv    operator(): operator(): cleaning up before exit...\n", stderr);
        parts.listener.close_listener();
        parts.program.engine().stop_all();
        while (parts.program.engine().active() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        chat_program::leave_clean(0);
    });
    parts.loaded = true;
    parts.program.become_ready();
}

}  // namespace

int run_llama_server(const std::vector<std::string>& args) {
    const command_flags flags(args,
                              {"-m",
                               "--model",
                               "--host",
                               "--port",
                               "-c",
                               "--ctx-size",
                               "-np",
                               "--parallel",
                               "-t",
                               "--threads",
                               "-ngl",
                               "--n-gpu-layers",
                               "--alias",
                               "-a",
                               "--timeout",
                               "-to",
                               "--sse-ping-interval",
                               "--api-key",
                               "-b",
                               "-ub",
                               "--batch-size",
                               "--chat-template",
                               "--reasoning-format",
                               "-n",
                               "--device",
                               "--temp"},
                              {"--jinja", "--metrics", "--no-ui", "--no-webui", "--no-slots", "--slots",
                               "--mlock", "--no-mmap", "--no-warmup"});
    if (!flags.wrong().empty()) {
        std::fprintf(stderr, "error: invalid argument: %s\n", flags.wrong().c_str());
        return 1;
    }
    auto& parts = *new llama_parts;
    parts.model_path = flags.text("-m", flags.text("--model", ""));
    parts.context = flags.number("-c", flags.number("--ctx-size", 4096));
    parts.slots = std::max(1, flags.number("-np", flags.number("--parallel", 4)));
    parts.key = flags.text("--api-key", "");
    parts.metrics = flags.has("--metrics");
    parts.shows_slots = !flags.has("--no-slots");
    if (parts.model_path.empty()) {
        std::fputs("error: this simulator has no router: -m is needed\n", stderr);
        return 1;
    }
    if (parts.context <= 0) parts.context = 32768;  // from the model
    parts.program.engine().set_places(parts.slots);
    const auto alias = flags.text("--alias", flags.text("-a", parts.model_path));
    parts.service =
        new openai_service(parts.program, rules_for(parts, alias, flags.number("--sse-ping-interval", 30)));
    const auto host = flags.text("--host", "127.0.0.1");
    const int port = flags.number("--port", 8080);
    if (!parts.program.listen(parts.listener, host, port)) {
        std::fprintf(stderr, "main: couldn't bind HTTP server socket, hostname: %s, port: %d\n", host.c_str(),
                     port);
        return 1;
    }
    std::thread([&parts, host] {
        load_llama(parts);
        std::fprintf(stderr, "main: server is listening on http://%s:%d\n", host.c_str(),
                     parts.listener.port());
    }).detach();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_llama(parts, request, exchange);
    };
    parts.listener.serve(handler);
    for (;;) pause();  // the thread of the signal ends the program
}

}  // namespace corral::sim
