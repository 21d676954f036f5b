#pragma once
// Whose prompt is counted beside the runs of a model: one at a time, clients in turn, with pauses in between, for the
// running answers are made by the same service. One that failed is left alone for a while. Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "corral/core/time.hpp"

namespace corral::generation {

class count_turns {
public:
    using ticket = std::uint64_t;
    // Nothing: that client has enough waiting, too many wait in all, or counts of this model failed of late.
    [[nodiscard]] std::optional<ticket> join(const std::string& model, const std::string& client,
                                             core::steady_time now);
    // The turn of one that waits; it does not wait any more then.
    [[nodiscard]] bool begin(const std::string& model, ticket which, core::steady_time now);
    // When a turn may begin; nothing: not before one ends.
    [[nodiscard]] std::optional<core::steady_time> next(const std::string& model) const;
    void leave(const std::string& model, ticket which);
    // The turn that began.
    void end(const std::string& model, bool failed, core::steady_time now);

private:
    struct waiting {
        ticket id = 0;
        std::string client;
    };
    struct place {
        std::deque<waiting> all;
        std::string last;  // the client of the last turn
        std::optional<core::steady_time> began;
        core::steady_time free_at{};
        core::steady_time well_at{};  // counts failed before
    };
    std::map<std::string, place> places_;
    ticket last_ = 0;
};

}  // namespace corral::generation
