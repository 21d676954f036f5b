// vLLM's server as vllm-ascend runs it (docs/facts/other_runtimes.md#vllm-ascend): the engine is a process of
// its own.

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "device/simulated_device.hpp"
#include "process_end.hpp"
#include "vocabulary.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

struct vllm_parts {
    chat_program program{"vllm"};
    http_listener listener{
        program.faults(), program.settings(), {.look = {.headers = {{"server", "uvicorn"}}}}};
    openai_service* service = nullptr;
    std::string model;
    int context = 4096;
    bool pools = false;  // the package is a model for embeddings
    std::atomic<pid_t> engine{-1};
    std::atomic<bool> engine_dead{false};
    std::atomic<bool> leaving{false};
};

std::string vllm_error(const refusal& why) {
    return dump_text(
        {{"error",
          {{"message", why.message}, {"type", why.type}, {"param", nullptr}, {"code", why.status}}}});
}

refusal bad_vllm_request(const std::string& text) {
    return {400, "BadRequestError", text, json::object()};
}

// Behind the prompt; one that is too long by itself, or no prompt at all, is refused elsewhere.
std::optional<refusal> check_room(const vllm_parts& parts, const json& body, int most) try {
    const auto text =
        body.contains("prompt") ? body["prompt"].get<std::string>() : parts.service->rules().prompt(body);
    const auto tokens = static_cast<int>(vocabulary::instance().encode(text).size());
    if (tokens >= parts.context || most <= parts.context - tokens) return std::nullopt;
    const auto number = [](int value) { return std::to_string(value); };
    return bad_vllm_request("'max_tokens' or 'max_completion_tokens' is too large: " + number(most) +
                            ". This model's maximum context length is " + number(parts.context) +
                            " tokens and your request has " + number(tokens) + " input tokens (" +
                            number(most) + " > " + number(parts.context) + " - " + number(tokens) + ").");
} catch (const json::exception&) {
    return std::nullopt;
}

std::optional<refusal> check_vllm(vllm_parts& parts, const json& body) {
    if (parts.pools) return bad_vllm_request("The model does not support Chat Completions API");
    if (parts.engine_dead)
        return refusal{500, "InternalServerError",
                       "EngineCore encountered an issue. See stack trace (above) for the root cause.",
                       json::object()};
    if (body.contains("cache_salt") && parts.program.faults().fire("salt_refused"))
        return bad_vllm_request(
            "[{'type': 'value_error', 'loc': ('body',), 'msg': \"Value error, Parameter 'cache_salt' is not "
            "supported with this instance of vLLM, which uses engine V0.\", 'input': " +
            dump_text(body) + "}]");
    const auto model = body.value("model", json());
    if (model.is_string() && model != parts.model)
        return refusal{404, "NotFoundError", "The model `" + model.get<std::string>() + "` does not exist.",
                       json::object()};
    const auto temperature = body.value("temperature", json());
    if (temperature.is_number() && temperature.get<double>() < 0)
        return bad_vllm_request("temperature must be non-negative, got " + temperature.dump() + ".");
    const auto top_p = body.value("top_p", json());
    if (top_p.is_number() && (top_p.get<double>() <= 0 || top_p.get<double>() > 1))
        return bad_vllm_request("top_p must be in (0, 1], got " + top_p.dump() + ".");
    if (!body.contains("messages") || !body["messages"].is_array())
        return bad_vllm_request(
            "[{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'}]");
    const auto most = body.value("max_tokens", json());
    if (most.is_number() && most.get<int>() < 1)
        return bad_vllm_request("max_tokens must be at least 1, got " + most.dump() + ".");
    return most.is_number() ? check_room(parts, body, most.get<int>()) : std::nullopt;
}

openai_rules vllm_rules(vllm_parts& parts) {
    openai_rules rules;
    rules.wire.model = parts.model;
    rules.wire.usage_if_asked = true;
    rules.wire.usage_in_each = true;
    rules.wire.logprobs = logprob_shape::vllm;
    rules.context = parts.context;
    rules.dimensions = parts.pools ? 64 : 0;
    rules.no_embeddings = bad_vllm_request("The model does not support Embeddings API");
    rules.longest_text = parts.context;
    rules.text_too_long = [context = parts.context](int tokens) {
        return bad_vllm_request(
            "This model's maximum context length is " + std::to_string(context) +
            " tokens. However, you requested " + std::to_string(tokens) +
            " tokens in the input for embedding generation. Please reduce the length of the input.");
    };
    rules.several_tokens = true;
    rules.stream_type = "text/event-stream; charset=utf-8";
    rules.error_body = vllm_error;
    rules.failure = {500, "InternalServerError", "EngineCore encountered an issue.", json::object()};
    rules.check = [&parts](const json& body) { return check_vllm(parts, body); };
    rules.prompt = [&parts](const json& body) {
        return render_chatml(body.at("messages"), body.value("tools", json()),
                             {parts.program.snapshot().tokenizer.family, template_thinks(body)});
    };
    rules.too_long = [context = parts.context](int tokens) -> std::optional<refusal> {
        if (tokens < context) return std::nullopt;
        return bad_vllm_request("This model's maximum context length is " + std::to_string(context) +
                                " tokens. However, you requested " + std::to_string(tokens) +
                                " tokens in the messages. Please reduce the length of the messages.");
    };
    rules.cancelled = [] { std::fputs("INFO async_llm.py: Aborted request chatcmpl-simulated.\n", stdout); };
    return rules;
}

void answer_vllm_metrics(vllm_parts& parts, http_exchange& exchange) {
    auto& engine = parts.program.engine();
    exchange.answer(200, "text/plain; version=0.0.4; charset=utf-8",
                    "vllm:num_requests_running{model_name=\"" + parts.model + "\"} " +
                        std::to_string(engine.active()) + ".0\nvllm:num_requests_waiting{model_name=\"" +
                        parts.model + "\"} " + std::to_string(engine.waiting()) + ".0\n");
}

void answer_vllm_tokenize(vllm_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto body = json::parse(request.body, nullptr, false);
    try {
        const auto text = body.contains("prompt") ? body.at("prompt").get<std::string>()
                                                  : parts.service->rules().prompt(body);
        const auto tokens = vocabulary::instance().encode(text);
        exchange.answer(200, "application/json",
                        dump_text({{"count", tokens.size()},
                                   {"max_model_len", parts.context},
                                   {"tokens", tokens},
                                   {"token_strs", nullptr}}));
    } catch (const json::exception& problem) {
        parts.service->refuse(exchange, bad_vllm_request(problem.what()));
    }
}

void route_vllm(vllm_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    if (request.method == "GET") {
        if (path == "/health") return exchange.answer(parts.engine_dead ? 503 : 200, "", "");
        if (path == "/version") return exchange.answer(200, "application/json", R"({"version":"0.11.0"})");
        if (path == "/metrics") return answer_vllm_metrics(parts, exchange);
        if (path == "/v1/models")
            return exchange.answer(200, "application/json",
                                   dump_text({{"object", "list"},
                                              {"data", json::array({{{"id", parts.model},
                                                                     {"object", "model"},
                                                                     {"created", 1767225600},
                                                                     {"owned_by", "vllm"},
                                                                     {"max_model_len", parts.context}}})}}));
    }
    if (path == "/v1/chat/completions" && request.method == "POST")
        return parts.service->answer(request, exchange);
    if (path == "/tokenize" && request.method == "POST")
        return answer_vllm_tokenize(parts, request, exchange);
    if (path == "/v1/embeddings" && request.method == "POST") return parts.service->embed(request, exchange);
    if (path == "/v1/completions" && request.method == "POST")
        return parts.service->answer(request, exchange, answer_kind::completion);
    if (path == "/v1/chat/completions" || path == "/v1/completions" || path == "/health")
        return exchange.answer(405, "application/json", R"({"detail":"Method Not Allowed"})");
    exchange.answer(404, "application/json", R"({"detail":"Not Found"})");
}

// The child says on this descriptor that it has its memory.
constexpr int engine_report = 3;

struct engine_child {
    pid_t pid = -1;
    bool has_memory = false;
};

engine_child spawn_engine() {
    int report[2] = {-1, -1};
    if (pipe2(report, O_CLOEXEC) != 0) return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, report[1], engine_report);
    char name[] = "VLLM::EngineCore";
    char* arguments[] = {name, nullptr};
    engine_child child;
    const int problem = posix_spawn(&child.pid, "/proc/self/exe", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(report[1]);
    char byte = 0;
    if (problem != 0)
        child.pid = -1;
    else
        child.has_memory = read(report[0], &byte, 1) == 1;
    close(report[0]);
    return child;
}

void watch_engine(vllm_parts& parts) {
    std::thread([&parts] {
        int status = 0;
        while (waitpid(parts.engine, &status, 0) < 0 && errno == EINTR) {
        }
        if (parts.leaving) return;
        parts.engine_dead = true;
        std::fputs(
            "ERROR core.py: EngineCore encountered a fatal error.\n"
            "ERROR async_llm.py: vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an "
            "issue.\n",
            stderr);
        parts.program.engine().stop_all();
        std::this_thread::sleep_for(
            std::chrono::milliseconds(parts.program.snapshot().chat.stop_wait_ms / 5));
        leave(1);
    }).detach();
}

[[noreturn]] void end_vllm(vllm_parts& parts, int status) {
    parts.leaving = true;
    if (parts.engine > 0) kill(parts.engine, SIGTERM);
    std::this_thread::sleep_for(20ms);
    chat_program::leave_clean(status);
}

void load_vllm(vllm_parts& parts) {
    std::fputs("INFO api_server.py: vLLM API server version 0.11.0\n", stdout);
    std::fflush(stdout);
    const auto child = spawn_engine();
    parts.engine = child.pid;
    auto end = parts.program.load({}, false);
    if (!child.has_memory) end = load_end::no_memory;
    if (end == load_end::done) return watch_engine(parts);
    if (end == load_end::no_memory)
        std::fputs("ERROR core.py: torch.OutOfMemoryError: NPU out of memory. Tried to allocate 2.00 GiB\n",
                   stderr);
    std::fputs("RuntimeError: Engine core initialization failed. See root cause above.\n", stderr);
    end_vllm(parts, 1);
}

void stop_vllm(vllm_parts& parts, int count) {
    if (count > 1) end_vllm(parts, 0);
    std::fputs("INFO:     Shutting down\n", stderr);
    parts.listener.close_listener();
    while (parts.program.engine().active() > 0) std::this_thread::sleep_for(5ms);
    std::fputs("INFO:     Application shutdown complete.\n", stderr);
    end_vllm(parts, 0);
}

}  // namespace

// Holds the memory of the card, and outlives a parent that is killed.
int run_vllm_engine_core(const std::vector<std::string>&) {
    prctl(PR_SET_NAME, "VLLM::EngineCor", 0, 0, 0);
    if (const auto device = simulated_device::from_environment())
        if (!device->hold(0, device->settings().model_mib * 1024L)) return 1;
    const char byte = 'h';
    if (write(engine_report, &byte, 1) != 1) return 1;
    close(engine_report);
    for (;;) pause();
}

int run_vllm(const std::vector<std::string>& args) {
    const command_flags flags(
        args,
        {"--host", "--port", "--served-model-name", "--max-model-len", "--max-num-seqs",
         "--gpu-memory-utilization", "--dtype", "--tensor-parallel-size", "-tp", "--model", "--api-key",
         "--tool-call-parser", "--reasoning-parser", "--quantization"},
        {"--enforce-eager", "--trust-remote-code", "--enable-auto-tool-choice", "--enable-prefix-caching",
         "--no-enable-prefix-caching", "--enable-prompt-tokens-details"});
    if (!flags.wrong().empty() || flags.words().size() < 2 || flags.words()[0] != "serve") {
        std::fprintf(stderr,
                     "usage: vllm serve [model_tag] [options]\nvllm: error: unrecognized arguments: %s\n",
                     flags.wrong().c_str());
        return 2;
    }
    auto& parts = *new vllm_parts;
    parts.model = flags.text("--served-model-name", flags.words()[1]);
    parts.context = flags.number("--max-model-len", 4096);
    parts.pools = std::filesystem::exists(std::filesystem::path(flags.words()[1]) / "modules.json");
    parts.program.engine().set_places(flags.number("--max-num-seqs", 256));
    parts.service = new openai_service(parts.program, vllm_rules(parts));
    load_vllm(parts);
    const int port = flags.number("--port", 8000);
    if (!parts.program.listen(parts.listener, flags.text("--host", "0.0.0.0"), port)) {
        std::fprintf(stderr, "OSError: [Errno 98] Address already in use: port %d\n", port);
        end_vllm(parts, 1);
    }
    chat_program::watch_signals({SIGINT, SIGTERM}, [&parts](int, int count) { stop_vllm(parts, count); });
    std::fprintf(stderr,
                 "INFO:     Started server process [%d]\nINFO:     Waiting for application startup.\n"
                 "INFO:     Application startup complete.\n",
                 getpid());
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_vllm(parts, request, exchange);
    };
    parts.listener.serve(handler);
    for (;;) pause();  // the thread of the signal ends the program
}

}  // namespace corral::sim
