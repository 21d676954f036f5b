// MindIE's mindieservice_daemon (docs/facts/other_runtimes.md#mindie): two planes, its own process group, an
// end by SIGABRT.

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_service.hpp"
#include "chat/personalities.hpp"
#include "device/simulated_device.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int bad_start = 255;
constexpr std::uintmax_t largest_config = 10 << 20;
constexpr const char* busy_words = "Service is alive but busy";

struct mindie_config {
    std::string address = "127.0.0.1";
    std::string management_address = "127.0.0.2";
    int port = 1025;
    int management_port = 1026;
    int most_connections = 1000;
    bool full_text = false;
    std::string model = "llama";
    int sequence = 2560;
    int input = 2048;
    int batch = 200;
    int iterations = 512;
};

struct mindie_parts {
    chat_program program{"mindie"};
    http_look look{.keep_alive = false, .headers = {}};
    http_listener business{program.faults(), program.settings(), {.look = look}};
    http_listener management{program.faults(), program.settings(), {.look = look}};
    openai_service* service = nullptr;
    mindie_config config;
    std::atomic<bool> healthy{true};
};

std::string mindie_error(const refusal& why) {
    return dump_text({{"error", why.message}, {"error_type", reason_phrase(why.status)}});
}

// The whole group ends, and it looks like the kernel's doing.
[[noreturn]] void fail_endpoint() {
    std::fputs("Failed to init endpoint! Please check the service log or console output.\n", stdout);
    std::fflush(stdout);
    if (getpgrp() == getpid()) kill(0, SIGKILL);
    die_by_signal(SIGKILL);
}

mindie_config read_mindie_config(const std::string& path) {
    std::error_code problem;
    const auto size = std::filesystem::file_size(path, problem);
    if (problem || size == 0 || size > largest_config) fail_endpoint();
    std::ifstream file(path);
    mindie_config out;
    try {
        const auto all = json::parse(file);
        const auto& server = all.at("ServerConfig");
        const auto& backend = all.at("BackendConfig");
        const auto& deploy = backend.at("ModelDeployConfig");
        const auto& schedule = backend.at("ScheduleConfig");
        if (server.value("httpsEnabled", true)) fail_endpoint();  // there are no certificates here
        out.address = server.value("ipAddress", out.address);
        out.management_address = server.value("managementIpAddress", out.management_address);
        out.port = server.value("port", out.port);
        out.management_port = server.value("managementPort", out.management_port);
        out.most_connections = server.value("maxLinkNum", out.most_connections);
        out.full_text = server.value("fullTextEnabled", false);
        out.model = deploy.at("ModelConfig").at(0).at("modelName").get<std::string>();
        out.sequence = deploy.value("maxSeqLen", out.sequence);
        out.input = deploy.value("maxInputTokenLen", out.input);
        out.batch = schedule.value("maxBatchSize", out.batch);
        out.iterations = schedule.value("maxIterTimes", out.iterations);
    } catch (const json::exception& wrong) {
        std::fprintf(stderr, "%s\n", wrong.what());
        fail_endpoint();
    }
    return out;
}

bool saturated(mindie_parts& parts) {
    return parts.program.engine().active() >= parts.config.batch || parts.program.faults().active("busy");
}

openai_rules mindie_rules(mindie_parts& parts) {
    const auto& config = parts.config;
    openai_rules rules;
    rules.wire.model = config.model;
    rules.wire.id_prefix = "endpoint_common_";
    rules.wire.role_in_each = true;
    rules.wire.usage_in_last = true;
    const char* const measures = std::getenv("MINDIE_LLM_BENCHMARK_ENABLE");
    rules.wire.step_times = measures != nullptr && (*measures == '1' || *measures == '2');
    rules.head_waits = true;
    rules.wire.full_text = config.full_text;
    rules.context = config.sequence;
    rules.most_max_tokens = config.iterations;
    rules.several_tokens = true;
    rules.error_body = mindie_error;
    rules.failure = {500, "", "Failed to get engine response.", json::object()};
    rules.check = [&parts](const json& body) -> std::optional<refusal> {
        const auto model = body.value("model", json());
        if (model != parts.config.model)
            return refusal{422, "", "The model is not found: " + dump_text(model), json::object()};
        if (!body.contains("messages") || !body["messages"].is_array() || body["messages"].empty())
            return refusal{422, "", "Request param messages not arr or arr is empty", json::object()};
        for (const auto& one : body["messages"])
            if (one.value("role", "") == "assistant" && one.value("content", "") == "")
                return refusal{422, "", "Request param \"content\" should not be empty", json::object()};
        return std::nullopt;
    };
    rules.prompt = [&parts](const json& body) {
        return render_chatml(body.at("messages"), body.value("tools", json()),
                             {parts.program.snapshot().tokenizer.family, true});
    };
    rules.too_long = [limit = config.input](int tokens) -> std::optional<refusal> {
        if (tokens <= limit) return std::nullopt;
        return refusal{422, "",
                       "Input token length " + std::to_string(tokens) + " exceeds maxInputTokenLen " +
                           std::to_string(limit),
                       json::object()};
    };
    rules.busy = [&parts]() -> std::optional<refusal> {
        if (!saturated(parts) && parts.business.connections() <= parts.config.most_connections)
            return std::nullopt;
        return refusal{503, "", busy_words, json::object()};
    };
    return rules;
}

void route_business(mindie_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (request.path == "/v1/models" && request.method == "GET")
        return exchange.answer(200, "application/json",
                               dump_text({{"object", "list"},
                                          {"data", json::array({{{"id", parts.config.model},
                                                                 {"object", "model"},
                                                                 {"created", 1767225600},
                                                                 {"owned_by", "MindIE Server"}}})}}));
    if (request.path == "/v1/chat/completions" && request.method == "POST")
        return parts.service->answer(request, exchange);
    parts.service->refuse(exchange, {404, "", "Not Found", json::object()});
}

// A generation of its own, within so many seconds.
int timed_health(mindie_parts& parts, int seconds) {
    if (!parts.healthy) return 503;
    run_order order;
    order.prompt = render_chatml(json::array({{{"role", "user"}, {"content", "hello"}}}), {}, {});
    order.asked = {{"messages", "simulated inference"}};
    order.max_tokens = 1;
    const auto run = parts.program.engine().begin(std::move(order));
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    std::string text;
    while (std::chrono::steady_clock::now() < until)
        if (run->next(text, 20ms) == chat_run::step::end) return run->figures().reason == "error" ? 500 : 200;
    run->cancel();
    return 500;
}

void stop_service(mindie_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (request.query.find("mode=Force") != std::string::npos) {
        std::this_thread::sleep_for(std::chrono::milliseconds(parts.program.snapshot().chat.stop_wait_ms));
        if (getpgrp() == getpid()) kill(0, SIGKILL);
        die_by_signal(SIGKILL);
    }
    auto& engine = parts.program.engine();
    while (engine.active() + engine.waiting() > 0 && !exchange.gone()) std::this_thread::sleep_for(5ms);
    exchange.answer(200, "application/json", "");
}

void route_management(mindie_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    constexpr const char* json_type = "application/json";
    if (request.method != "GET")
        return parts.service->refuse(exchange, {404, "", "Not Found", json::object()});
    if (path == "/stopService") return stop_service(parts, request, exchange);
    if (path.starts_with("/health/timed-"))
        return exchange.answer(timed_health(parts, std::atoi(path.c_str() + 14)), json_type, "");
    const bool known = path == "/v2/health/live" || path == "/v2/health/ready" || path == "/health";
    if (known && !parts.healthy) return exchange.answer(path == "/health" ? 503 : 500, json_type, "");
    const bool busy = saturated(parts);
    if (path == "/v2/health/live")
        return exchange.answer(200, json_type, busy ? dump_text({{"message", busy_words}}) : "");
    if (path == "/v2/health/ready")
        return exchange.answer(
            busy ? 503 : 200, json_type,
            busy ? dump_text({{"message", std::string(busy_words) + ". Consider reducing request frequency"}})
                 : "");
    if (path == "/health") return exchange.answer(200, json_type, R"({"status":"healthy"})");
    parts.service->refuse(exchange, {404, "", "Not Found", json::object()});
}

[[noreturn]] void end_mindie(mindie_parts& parts) {
    parts.healthy = false;
    std::fputs("Daemon is killing, please wait about 15 seconds...\n", stderr);
    std::this_thread::sleep_for(std::chrono::milliseconds(parts.program.snapshot().chat.stop_wait_ms));
    kill(getppid(), SIGCHLD);  // unasked, as the original does
    if (getpgrp() == getpid()) {
        std::signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
    }
    std::fputs("All subprocesses exited gracefully.\n", stderr);
    if (const auto device = simulated_device::from_environment()) {
        device->set_busy(0, 0);
        device->give_back();
    }
    die_by_signal(SIGABRT);
}

void serve_management(mindie_parts& parts) {
    std::thread([&parts] {
        const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
            route_management(parts, request, exchange);
        };
        parts.management.serve(handler);
    }).detach();
}

}  // namespace

int run_mindie(const std::vector<std::string>& args) {
    const command_flags flags(args, {"--config-file", "--expert-parallel"}, {});
    if (!flags.wrong().empty()) return bad_start;
    if (setpgid(0, 0) != 0) {
        std::fprintf(stderr, "Failed to set process group. errno is %d\n", errno);
        return bad_start;
    }
    std::fprintf(stderr, "g_mainPid = %d\n", getpid());
    auto& parts = *new mindie_parts;
    parts.config = read_mindie_config(flags.text("--config-file", "conf/config.json"));
    parts.program.engine().set_places(parts.config.batch);
    parts.service = new openai_service(parts.program, mindie_rules(parts));
    const auto end = parts.program.load();
    if (end == load_end::no_memory)
        std::fputs("RuntimeError: NPU out of memory. Tried to allocate 2.00 GiB\n", stderr);
    if (end != load_end::done) fail_endpoint();
    if (!parts.program.listen(parts.business, parts.config.address, parts.config.port) ||
        !parts.management.bind(parts.config.management_address, parts.config.management_port))
        fail_endpoint();
    parts.program.note("management_port", parts.management.port());
    chat_program::watch_signals({SIGINT, SIGTERM, SIGSEGV, SIGABRT}, [&parts](int, int count) {
        if (count == 1) end_mindie(parts);
    });
    serve_management(parts);
    std::puts("Daemon start success!");
    std::fflush(stdout);
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_business(parts, request, exchange);
    };
    parts.business.serve(handler);
    return 0;
}

}  // namespace corral::sim
