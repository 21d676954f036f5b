#pragma once
// How the box fares, as it changes, for many watchers at the price of one: each picture is made once, and not at all
// without a watcher. A slow watcher gets the newest picture, not those between.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "corral/api/operator_desk.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::daemon {

// What differs from a picture a moment before though nothing has happened: ages and times left.
[[nodiscard]] api::desk_json without_ages(api::desk_json picture);

struct feed_sources {
    std::function<api::desk_json()> status;  // asked on the loop, often while somebody watches
    std::function<api::desk_json()> requests;
    std::function<bool()> over;  // streams are to end: a stop or an upgrade goes on
};

class box_feed {
public:
    static constexpr core::milliseconds between_looks{250};
    static constexpr core::seconds longest_age{5};  // of a picture in which nothing has changed but its ages
    static constexpr core::seconds heartbeat{15};
    static constexpr std::size_t most_watchers = 64;
    static constexpr std::size_t most_of_client = 24;

    // `tasks` and `clock` are borrowed and outlive the feed.
    box_feed(core::task_group& tasks, const core::clock_source& clock, feed_sources from);
    box_feed(const box_feed&) = delete;
    box_feed& operator=(const box_feed&) = delete;
    ~box_feed();

    // Fails with `limit_exceeded`.
    [[nodiscard]] core::result<std::unique_ptr<api::desk_stream>> watch(const std::string& client);

private:
    struct state;
    class watcher;
    static core::awaitable<void> look(std::shared_ptr<state> feed);

    core::task_group& tasks_;
    std::shared_ptr<state> state_;
};

}  // namespace corral::daemon
