#pragma once
// Boxes that are found: the questions to DNS, or to Avahi, for [discover] of a list.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "corral/boxes/discovery.hpp"

namespace corral::cli {

// Blocks for some seconds at most: two tries of a second for each server of the system, 10 s with mDNS.
[[nodiscard]] core::result<boxes::found_hosts> find_hosts(const boxes::discovery& how);

// What to say of an answer without boxes.
[[nodiscard]] std::string names_no_box(const boxes::discovery& how);

// Asks once in each interval, on a thread of its own; what it logs is a change from good to bad and back.
class box_finder {
public:
    box_finder(boxes::discovery how, core::seconds interval);
    ~box_finder();
    box_finder(const box_finder&) = delete;
    box_finder& operator=(const box_finder&) = delete;

    [[nodiscard]] const boxes::discovery& how() const { return how_; }

    // What counts now; nothing where that is not known yet. Waits for the end of the first look-up.
    [[nodiscard]] std::optional<boxes::found_hosts> latest();

private:
    void look_up(const std::stop_token& over);

    const boxes::discovery how_;
    const core::seconds interval_;
    std::mutex guard_;  // of what follows
    std::condition_variable_any changed_;
    bool asked_ = false;
    std::optional<boxes::found_hosts> latest_;
    std::jthread thread_;
};

}  // namespace corral::cli
