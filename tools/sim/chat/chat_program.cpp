#include "chat/chat_program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "device/simulated_device.hpp"
#include "process_end.hpp"
#include "programs.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr int load_steps = 20;
constexpr long kib_in_mib = 1024;

int signal_pipe[2] = {-1, -1};

void on_signal(int number) {
    const auto byte = static_cast<char>(number);
    const auto saved = errno;
    if (write(signal_pipe[1], &byte, 1) != 1) {
        // A full pipe already says what there is to say.
    }
    errno = saved;
}

scenario scenario_of_environment() {
    scenario settings;
    load_from_environment(settings);
    return settings;
}

json faults_of_environment() {
    scenario settings;
    return load_from_environment(settings);
}

}  // namespace

chat_program::chat_program(std::string name)
    : name_(std::move(name)),
      settings_(scenario_of_environment()),
      control_{settings_, faults_,
               [this](const std::string& command, const json& request) { return answer(command, request); },
               [](const std::string&) {}} {
    std::signal(SIGPIPE, SIG_IGN);
    faults_.set_all(faults_of_environment());
    engine_.set_name(name_);
    obey_end_faults(faults_, "now");
    obey_end_faults(faults_, "start");
    start_control_server(control_);
}

json chat_program::state() const {
    const auto* listener = listener_.load();
    json out{{"program", name_},
             {"pid", getpid()},
             {"port", port_.load()},
             {"ready", ready_.load()},
             {"phase", ready_ ? engine_.phase() : "loading"},
             {"running", engine_.active() > 0},
             {"active", engine_.active()},
             {"queued_jobs", engine_.waiting()},
             {"high_water", engine_.high_water()},
             {"requests", requests_.load()},
             {"connections", listener == nullptr ? 0 : listener->connections()},
             {"accepted", listener == nullptr ? 0 : listener->accepted()},
             {"runs", journal_.run_count()}};
    const std::lock_guard lock(notes_mutex_);
    out.update(notes_);
    return out;
}

void chat_program::note(const std::string& key, int value) {
    const std::lock_guard lock(notes_mutex_);
    notes_[key] = value;
}

control_reply chat_program::answer(const std::string& command, const json& request) const {
    if (command == "state") return {state(), {}};
    if (command == "runs") return {{{"runs", journal_.runs_since(request.value("since", 0))}}, {}};
    if (command == "trace")
        return {{{"events", journal_.events_since(request.value("since", std::int64_t{0}))}}, {}};
    return {};
}

load_end chat_program::load(const std::function<void(int)>& progress, bool holds) {
    for (int step = 0; step < load_steps; ++step) {
        if (progress) progress(step * 100 / load_steps);
        obey_end_faults(faults_, "load", step);
        std::this_thread::sleep_for(
            std::chrono::microseconds(snapshot().timing.load_ms * 1000LL / load_steps));
        if (step != load_steps / 2) continue;
        if (faults_.fire("start_fail")) return load_end::failed;
        if (faults_.fire("start_oom")) return load_end::no_memory;
    }
    if (progress) progress(100);
    if (const auto device = simulated_device::from_environment(); device && holds)
        if (!device->hold(0, device->settings().model_mib * kib_in_mib)) return load_end::no_memory;
    return load_end::done;
}

bool chat_program::listen(http_listener& listener, const std::string& address, int port) {
    if (!listener.bind(address_from_environment(address), port_from_environment(port))) return false;
    listener_ = &listener;
    port_ = listener.port();
    return true;
}

void chat_program::become_ready() {
    ready_ = true;
    obey_end_faults(faults_, "ready");
}

void chat_program::watch_signals(std::initializer_list<int> signals,
                                 const std::function<void(int, int)>& handler) {
    if (pipe2(signal_pipe, O_CLOEXEC) != 0) throw scenario_error("no pipe for signals");
    std::thread([handler] {
        char byte = 0;
        for (int count = 1; read(signal_pipe[0], &byte, 1) == 1; ++count)
            std::thread([handler, number = static_cast<int>(static_cast<unsigned char>(byte)), count] {
                handler(number, count);
            }).detach();
    }).detach();
    for (const int number : signals) std::signal(number, on_signal);
}

void chat_program::leave_clean(int status) {
    if (const auto device = simulated_device::from_environment()) {
        device->set_busy(0, 0);
        device->give_back();
    }
    leave(status);
}

}  // namespace corral::sim
