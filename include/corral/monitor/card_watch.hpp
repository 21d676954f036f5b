#pragma once
// Watches what the models' processes do to the cards: tells card_memory whose memory is ours, and after each
// unload looks whether the memory came back, which the log and status say. Decides nothing about the
// services: before the next start their own gate sees to a card that is short.

#include <memory>
#include <string>
#include <vector>

#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/backend.hpp"
#include "corral/monitor/card_memory.hpp"

namespace corral::monitor {

class card_watch {
public:
    // All borrowed, and outliving this.
    card_watch(core::task_group& tasks, const core::clock_source& clock, device::reader_set& tools,
               card_memory& room)
        : tasks_(tasks), clock_(clock), tools_(tools), card_memory_(room) {}
    card_watch(const card_watch&) = delete;
    card_watch& operator=(const card_watch&) = delete;
    ~card_watch();

    // Borrowed until forget().
    void watch(engine::backend& runtime);
    void forget(const engine::backend& runtime);
    // What became of its memory after its last unload, one sentence; empty: it is loaded, or that is unknown.
    [[nodiscard]] std::string after_unload(const engine::backend& runtime) const;

private:
    class watched;
    static core::awaitable<void> see(std::shared_ptr<watched> about, std::uint64_t end);

    core::task_group& tasks_;
    const core::clock_source& clock_;
    device::reader_set& tools_;
    card_memory& card_memory_;
    std::vector<std::shared_ptr<watched>> watched_;
};

}  // namespace corral::monitor
