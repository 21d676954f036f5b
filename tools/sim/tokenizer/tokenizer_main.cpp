#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "control_server.hpp"
#include "process_end.hpp"
#include "programs.hpp"
#include "tokenizer/python_http.hpp"
#include "tokenizer/tokenizer_routes.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

struct listen_address {
    std::string host = "0.0.0.0";
    int port = 12345;
};

[[noreturn]] void usage_error(const std::string& argv0, const std::string& text) {
    std::fprintf(stderr, "usage: %s [-h] [--host HOST] [--port PORT]\n%s: error: %s\n", argv0.c_str(),
                 argv0.c_str(), text.c_str());
    leave(2);
}

// As argparse reads the scripts' two options.
listen_address parse_flags(const std::string& argv0, const std::vector<std::string>& args) {
    listen_address out;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const auto& word = args[i];
        auto name = word;
        std::string value;
        if (name == "-h" || name == "--help") {
            std::printf("usage: %s [-h] [--host HOST] [--port PORT]\n", argv0.c_str());
            leave(0);
        }
        if (const auto equals = name.find('='); equals != std::string::npos) {
            value = name.substr(equals + 1);
            name.resize(equals);
        } else if (i + 1 < args.size()) {
            value = args[++i];
        } else if (name == "--host" || name == "--port") {
            usage_error(argv0, "argument " + name + ": expected one argument");
        }
        if (name == "--host") {
            out.host = value;
        } else if (name == "--port") {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.port);
            if (error != std::errc() || end != value.data() + value.size())
                usage_error(argv0, "argument --port: invalid int value: '" + value + "'");
        } else {
            usage_error(argv0, "unrecognized arguments: " + word);
        }
    }
    return out;
}

void on_interrupt(int) {
    constexpr char text[] = "Traceback (most recent call last):\nKeyboardInterrupt\n";
    const auto written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    std::signal(SIGINT, SIG_DFL);
    raise(SIGINT);
}

struct tokenizer_parts {
    explicit tokenizer_parts(const scenario& initial) : settings(initial) {}
    settings_store settings;
    fault_switches faults{fault_program::tokenizer};
    tokenizer_routes routes{settings, faults};
    python_http_server server{faults, [this](const python_request& q) { return routes.handle(q); }};
};

control_reply answer_control(const tokenizer_parts& parts, const std::string& command, const json& request) {
    if (command == "state") {
        auto state = parts.routes.state();
        state["program"] = "tokenizer";
        state["pid"] = getpid();
        state["port"] = parts.server.port();
        return {state, {}};
    }
    if (command == "requests")
        return {{{"requests", parts.routes.requests_since(request.value("since", std::int64_t{0}))}}, {}};
    return {};
}

void act_on_fault(tokenizer_parts& parts, const std::string& name) {
    if (name == "forget_uids" && parts.faults.fire(name)) parts.routes.forget_uids();
    if (name == "mute" && parts.faults.fire(name)) parts.routes.mute_all();
}

}  // namespace

int run_tokenizer(const std::string& argv0, const std::vector<std::string>& args) {
    const auto wanted = parse_flags(argv0, args);
    scenario settings;
    const auto faults = load_from_environment(settings);
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGPIPE, SIG_IGN);
    auto* parts = new tokenizer_parts(settings);
    parts->faults.set_all(faults);
    obey_end_faults(parts->faults, "now");
    obey_end_faults(parts->faults, "start");
    std::this_thread::sleep_for(std::chrono::milliseconds(settings.tokenizer.start_ms));
    const auto host = address_from_environment(wanted.host);
    if (!parts->server.bind(host, port_from_environment(wanted.port))) {
        std::fprintf(stderr, "Traceback (most recent call last):\nOSError: [Errno %d] %s\n", errno,
                     std::strerror(errno));
        leave(1);
    }
    auto* control = new control_parts{parts->settings, parts->faults,
                                      [parts](const std::string& command, const json& request) {
                                          return answer_control(*parts, command, request);
                                      },
                                      [parts](const std::string& name) { act_on_fault(*parts, name); }};
    start_control_server(*control);
    std::printf("Server running at http://%s:%d\n", host.c_str(), parts->server.port());
    parts->server.serve();
}

}  // namespace corral::sim
