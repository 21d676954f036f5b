#include "runtime/run_journal.hpp"

#include <ctime>

namespace corral::sim {
namespace {

constexpr std::size_t most_events = 65536;
constexpr std::size_t most_runs = 512;

}  // namespace

std::int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void run_journal::stamp(const char* what, int run, int tokens, const std::string& text) {
    const auto now = monotonic_ns();
    const std::lock_guard lock(mutex_);
    events_.push_back({++last_seq_, now, what, run, tokens, text});
    if (events_.size() > most_events) events_.pop_front();
}

nlohmann::json run_journal::events_since(std::int64_t seq) const {
    const std::lock_guard lock(mutex_);
    auto out = nlohmann::json::array();
    for (const auto& e : events_)
        if (e.seq > seq)
            out.push_back({{"seq", e.seq},
                           {"ns", e.ns},
                           {"what", e.what},
                           {"run", e.run},
                           {"tokens", e.tokens},
                           {"text", e.text}});
    return out;
}

int run_journal::next_run_id() {
    const std::lock_guard lock(mutex_);
    return ++last_run_;
}

void run_journal::add_run(nlohmann::json record) {
    const std::lock_guard lock(mutex_);
    runs_.push_back(std::move(record));
    if (runs_.size() > most_runs) runs_.pop_front();
}

nlohmann::json run_journal::runs_since(int id) const {
    const std::lock_guard lock(mutex_);
    auto out = nlohmann::json::array();
    for (const auto& run : runs_)
        if (run.at("id").get<int>() > id) out.push_back(run);
    return out;
}

int run_journal::run_count() const {
    const std::lock_guard lock(mutex_);
    return last_run_;
}

}  // namespace corral::sim
