#pragma once
// How much of each card the models of this server may use in all: what its status tool says of the whole
// card, less what was in use without us and what programs of others hold. Where no tool tells, what the
// configuration says.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "corral/device/reader.hpp"

namespace corral::monitor {

// What of a card is not for us, in MiB.
struct foreign_memory {
    std::uint64_t total = 0;
    std::uint64_t others = 0;  // by processes that are not ours, where the tool lists processes
    // In use by no process: what the driver keeps. Where the tool lists no processes only a look while nothing
    // of ours was there can tell. Sum and list are not of one moment: while a process comes or goes this may
    // be far too much. Absent: this look does not tell.
    std::optional<std::uint64_t> unowned;
};

// Nothing where the report says nothing of that card's memory. `ours_there`: a process of ours may hold some
// of it now.
[[nodiscard]] std::optional<foreign_memory> foreign_memory_in(const device::device_report& report,
                                                              unsigned card,
                                                              const std::function<bool(pid_t)>& ours,
                                                              bool ours_there);

// What no process uses on one card: the least of what the looks of the last minute said, for one of them may have
// been taken while a process came or went.
class idle_figures {
public:
    // `at` of the look, not before that of the last call; `unowned` absent: it does not tell. 0 while none has.
    [[nodiscard]] std::uint64_t least(core::steady_time at, std::optional<std::uint64_t> unowned);

private:
    struct figure {
        core::steady_time at;
        std::uint64_t unowned = 0;
    };
    std::deque<figure> known_;  // oldest first
};

class card_memory {
public:
    // `tools` is borrowed.
    explicit card_memory(const device::reader_set& tools) : tools_(tools) {}

    // In MiB; 0: not known, and then nothing is bound where no tool tells.
    void set_otherwise(std::uint64_t memory_mb) noexcept { otherwise_ = memory_mb; }
    // The first look at the cards of this run is under way.
    void set_awaited(bool is) noexcept { awaited_ = is; }
    [[nodiscard]] bool awaited() const noexcept { return awaited_; }
    // A tool has told of it, to us or to the image before.
    [[nodiscard]] bool was_known(unsigned card) const { return known_.contains(card); }
    // A service of ours that uses cards runs as `pid`, the first of its process group; it is gone. What it
    // leaves in a card's memory counts as ours also later: before the next start the gate of that service
    // sees to it.
    void on_started(pid_t pid);
    void on_gone(pid_t pid);

    // From the tools' last answers; asks none. Of a card that none tells of any more, as when it is lost, what was last
    // known: its room is the same when it is back, and until then no two models may be loaded for it.
    [[nodiscard]] std::optional<std::uint64_t> of(unsigned card);

    // What of() said of each card last ("0=7022 1=7022"), for the next image of an upgrade: its tools have told nothing
    // yet, and a model that was kept would stand in the way of every other.
    [[nodiscard]] std::string text() const;
    // Counts until a tool tells of that card. Passes over what text() does not write.
    void go_on_behind(std::string_view before);

private:
    [[nodiscard]] bool is_ours(pid_t pid);
    void remember(pid_t pid);

    const device::reader_set& tools_;
    std::uint64_t otherwise_ = 0;
    bool awaited_ = false;
    std::set<pid_t> running_;
    // Now or earlier, with those of their groups that a tool has named, oldest first. In a row: a small block for each of
    // years would stand all over the heap.
    std::vector<pid_t> ours_;
    std::map<unsigned, idle_figures> idle_;    // of the cards that a tool has told of
    std::map<unsigned, std::uint64_t> known_;  // what of() said last, or the image before
};

}  // namespace corral::monitor
