#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>

#include "chat/chat_engine.hpp"
#include "chat/http_listener.hpp"
#include "control_server.hpp"

// What every chat server of the simulator has: scenario, faults, control socket, model, signals. Never
// destroyed, for its threads go on to the end.
namespace corral::sim {

enum class load_end { done, failed, no_memory };

class chat_program {
public:
    // Reads the environment and obeys the faults of a start. `name`: what `state` calls the program.
    explicit chat_program(std::string name);

    settings_store& settings() { return settings_; }
    fault_switches& faults() { return faults_; }
    chat_engine& engine() { return engine_; }
    scenario snapshot() const { return settings_.snapshot(); }

    // Takes load_ms in steps; `progress` hears 0 to 100.
    // `holds`: this process takes the model's share of the card's memory.
    load_end load(const std::function<void(int)>& progress = {}, bool holds = true);
    // A figure that `state` shows beside its own.
    void note(const std::string& key, int value);
    // Where the environment says, else where the flags say. False (errno set) when the address can't be had.
    bool listen(http_listener& listener, const std::string& address, int port);
    // From now on `state` says ready; obeys the faults of that moment.
    void become_ready();
    // The handler runs on a thread of its own with the number of the signal and how many came so far. Before
    // the call these signals do what the system does.
    static void watch_signals(std::initializer_list<int> signals,
                              const std::function<void(int signal, int count)>& handler);
    void count_request() { ++requests_; }
    // The memory of the card goes back, and the program ends with this status.
    [[noreturn]] static void leave_clean(int status);

private:
    nlohmann::json state() const;
    control_reply answer(const std::string& command, const nlohmann::json& request) const;

    std::string name_;
    settings_store settings_;
    fault_switches faults_{fault_program::chat};
    run_journal journal_;
    chat_engine engine_{settings_, faults_, journal_};
    control_parts control_;
    mutable std::mutex notes_mutex_;
    nlohmann::json notes_ = nlohmann::json::object();
    std::atomic<int> port_{0};
    std::atomic<bool> ready_{false};
    std::atomic<int> requests_{0};
    std::atomic<const http_listener*> listener_{nullptr};
};

}  // namespace corral::sim
