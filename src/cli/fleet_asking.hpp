#pragma once
// The boxes of a fleet, asked side by side and again and again: one that hangs keeps no other waiting, and is asked
// once at a time.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/fleet_tags.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

struct told_box {
    std::string name;
    std::string place;  // that was asked, as of place_of()
    core::result<box_lists> lists;
};

class box_askers {
public:
    explicit box_askers(list_call what) : what_(std::move(what)) {}
    // Waits for what is under way, each no longer than lists_of() says.
    ~box_askers();
    box_askers(const box_askers&) = delete;
    box_askers& operator=(const box_askers&) = delete;

    // Nothing new where it is under way already.
    void ask(const boxes::box_entry& box);
    // What has come since the last call: at once where nothing is under way any more, else after `limit`.
    [[nodiscard]] std::vector<told_box> take(core::milliseconds limit);

private:
    void work(const std::stop_token& over);

    const list_call what_;
    std::mutex guard_;  // of what follows
    std::condition_variable_any changed_;
    std::deque<boxes::box_entry> waiting_;
    std::set<std::string> under_way_;  // names; the waiting too
    std::vector<told_box> told_;
    std::size_t idle_ = 0;
    std::vector<std::jthread> threads_;
};

}  // namespace corral::cli
