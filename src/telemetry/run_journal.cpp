#include "corral/telemetry/run_journal.hpp"

#include <algorithm>

namespace corral::telemetry {

std::vector<core::nanoseconds> gap_ring::all() const {
    std::vector<core::nanoseconds> out;
    const std::size_t count = std::min(added_, most);
    for (std::size_t i = added_ - count; i < added_; ++i) {
        out.push_back(gaps_[i % most]);
    }
    return out;
}

void run_journal::entry::note_piece(core::steady_time at) {
    ++now_.pieces;
    if (last_piece_ != core::steady_time{}) {
        const auto gap = std::chrono::duration_cast<core::nanoseconds>(at - last_piece_);
        now_.longest_gap = std::max(now_.longest_gap, gap);
        now_.gaps.add(gap);
    }
    last_piece_ = at;
}

std::shared_ptr<run_journal::entry> run_journal::begin(run_record begun) {
    std::erase_if(running_, [](const auto& each) { return each.expired(); });
    auto made = std::make_shared<entry>(std::move(begun));
    running_.push_back(made);
    if (heard_) {
        heard_();
    }
    return made;
}

void run_journal::finish(const std::shared_ptr<entry>& what) {
    if (what == nullptr) {
        return;
    }
    std::erase_if(running_, [&](const auto& each) { return each.expired() || each.lock() == what; });
    finished_.push_back(what->record());
    if (heard_end_) {
        heard_end_(finished_.back());
    }
    while (finished_.size() > most_) {
        finished_.pop_front();
    }
}

std::vector<run_record> run_journal::running(core::steady_time now) const {
    std::vector<run_record> out;
    for (const auto& each : running_) {
        const auto held = each.lock();
        if (held == nullptr) {
            continue;
        }
        out.push_back(held->record());
        if (held->last_piece() != core::steady_time{}) {
            out.back().silent_for = std::chrono::duration_cast<core::nanoseconds>(now - held->last_piece());
        }
    }
    return out;
}

}  // namespace corral::telemetry
