#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "chat/chat_run.hpp"
#include "fault_switches.hpp"
#include "runtime/run_journal.hpp"
#include "settings_store.hpp"

// The model behind a chat server: so many places, a queue before them, a thread per run. The words come from
// the same model of language as those of the polling runtime, and go into the same kind of record.
namespace corral::sim {

class chat_engine {
public:
    chat_engine(settings_store& settings, fault_switches& faults, run_journal& journal)
        : settings_(settings), faults_(faults), journal_(journal) {}

    void set_name(std::string name) { name_ = std::move(name); }
    void set_places(int places) { places_ = places; }
    // What becomes of each piece beside the run's own queue (a server with one queue for all runs).
    void set_tap(std::function<void(const std::string&)> tap) { tap_ = std::move(tap); }

    // Begins at once or when a place is free; never refuses.
    std::shared_ptr<chat_run> begin(run_order order);

    int active() const { return active_; }
    int waiting() const { return waiting_; }
    int high_water() const { return high_water_; }
    const char* phase() const { return active_ == 0 ? "idle" : phase_.load(); }
    int decoded() const { return decoded_; }
    // True once the present run has a token.
    bool speaking() const { return active_ > 0 && decoded_ > 0; }
    // The run that came last to a place stops at its next step.
    void stop_current();
    void stop_all() { stopping_ = true; }

private:
    struct work {
        run_order order;
        run_figures figures;
        nlohmann::json record;
        const char* ended_by = "eos";
        int id = 0;
    };

    bool enter(chat_run& run);
    void leave_place();
    void execute(const std::shared_ptr<chat_run>& run, run_order order);
    bool prefill(chat_run& run, work& now);
    void decode(chat_run& run, work& now);
    bool obey_faults(work& now, int count, std::string& text) const;
    void show_busy(bool busy) const;
    // How many tokens of the prompt its slot holds; the slot holds the prompt from then on.
    int take_slot(work& now, const std::vector<int>& ids);

    settings_store& settings_;
    fault_switches& faults_;
    run_journal& journal_;
    std::string name_ = "sim";
    std::atomic<int> decoded_runs_ = 0;
    std::function<void(const std::string&)> tap_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::weak_ptr<chat_run> current_;
    std::vector<std::vector<int>> slots_;  // the ids that each has computed
    std::uint64_t next_ticket_ = 0;
    std::uint64_t served_ = 0;
    std::atomic<int> places_{1};
    std::atomic<int> active_{0};
    std::atomic<int> waiting_{0};
    std::atomic<int> high_water_{0};
    std::atomic<int> decoded_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<const char*> phase_{"prefill"};
};

}  // namespace corral::sim
