#include "control_server.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr std::size_t longest_command = 1 << 20;

control_reply failure(const std::string& text) {
    return {{{"ok", false}, {"error", text}}, {}};
}

control_reply switch_fault(control_parts& parts, const json& request) {
    const auto name = request.value("name", std::string());
    const bool here = parts.faults.set(name, request.value("on", json(true)), request.value("args", json()));
    if (!here) return failure("fault '" + name + "' belongs to the other program");
    if (parts.faults.active(name)) parts.on_fault(name);
    return {{{"ok", true}}, [&parts] { obey_immediate_end_faults(parts.faults); }};
}

control_reply answer(control_parts& parts, const json& request) {
    const auto command = request.value("cmd", std::string());
    if (command == "get") return {{{"ok", true}, {"scenario", to_json(parts.settings.snapshot())}}, {}};
    if (command == "set") {
        json changes = request;
        changes.erase("cmd");
        parts.settings.change(changes);
        return {{{"ok", true}}, {}};
    }
    if (command == "fault") return switch_fault(parts, request);
    if (command == "faults") return {{{"ok", true}, {"active", parts.faults.active_faults()}}, {}};
    auto reply = parts.handler(command, request);
    if (reply.body.is_null())
        return failure(
            "unknown command '" + command + "'; nearest is '" +
            nearest_word(command, {"get", "set", "fault", "faults", "runs", "state", "trace", "requests"}) +
            "'");
    reply.body["ok"] = true;
    return reply;
}

control_reply answer_line(control_parts& parts, const std::string& line) {
    try {
        const auto request = json::parse(line);
        if (!request.is_object()) return failure("a command must be a JSON object");
        return answer(parts, request);
    } catch (const std::exception& problem) {
        return failure(problem.what());
    }
}

bool send_all(int socket, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const auto n = send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += static_cast<std::size_t>(n);
    }
    return true;
}

void serve(control_parts& parts, int socket) {
    std::string pending;
    char buffer[65536];
    for (;;) {
        const auto n = read(socket, buffer, sizeof buffer);
        if (n <= 0 || pending.size() > longest_command) break;
        pending.append(buffer, static_cast<std::size_t>(n));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            const auto reply = answer_line(parts, pending.substr(0, end));
            pending.erase(0, end + 1);
            const auto text = reply.body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
            if (!send_all(socket, text)) break;
            if (reply.afterwards) reply.afterwards();
        }
    }
    close(socket);
}

int open_listener(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return -1;
    unlink(path);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
    if (listen(listener, 16) != 0) return -1;
    return listener;
}

}  // namespace

void start_control_server(control_parts& parts) {
    const char* path = std::getenv("CORRAL_SIM_CONTROL");
    if (path == nullptr || *path == '\0') return;
    const int listener = open_listener(path);
    if (listener < 0) {
        std::fprintf(stderr, "corral-sim: control socket %s: %s\n", path, std::strerror(errno));
        leave(2);
    }
    std::thread([&parts, listener] {
        for (;;) {
            const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) {
                if (errno != EINTR && errno != ECONNABORTED) usleep(100'000);
                continue;
            }
            std::thread([&parts, socket] { serve(parts, socket); }).detach();
        }
    }).detach();
}

}  // namespace corral::sim
