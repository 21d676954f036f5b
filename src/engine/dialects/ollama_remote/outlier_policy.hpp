#pragma once
// Passive health of a server that others look after: requests that failed there tell that it is an outlier,
// and it gets none for a while, longer each time, as in Envoy's outlier detection. The tries of one request tell
// no more than the first of them. Owns no timer.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/time.hpp"

namespace corral::engine::ollama_remote {

struct outlier_rule {
    unsigned consecutive = 2;        // requests in a row that failed and eject it
    double failure_share = 0.5;      // or of the requests in the window, where there are enough
    std::size_t least_requests = 6;  // of those
    core::nanoseconds window = core::seconds{60};
    core::nanoseconds base = core::seconds{15};  // of the first ejection; the n-th takes n times as long
    core::nanoseconds longest = core::seconds{300};
    bool ejects = true;  // something else can serve meanwhile
};

class outlier_policy {
public:
    explicit outlier_policy(outlier_rule rule = {}) : rule_(rule) {}

    void set_ejects(bool ejects) noexcept { rule_.ejects = ejects; }
    void succeeded(core::steady_time now);
    // True: it is ejected by this. `request`: which one it was; empty: one of its own.
    bool failed(core::steady_time now, std::string_view request = {});

    [[nodiscard]] bool ejected(core::steady_time now) const noexcept;
    // The end of the present ejection, or of the last one; nothing: there was none.
    [[nodiscard]] std::optional<core::steady_time> until() const noexcept { return until_; }
    // How many times `base` the next ejection takes, less one: it forgets one for every `base` without a
    // failure.
    [[nodiscard]] unsigned ejections(core::steady_time now) const noexcept;

private:
    struct outcome {
        core::steady_time at;
        bool good;
        std::string request{};
    };
    void note(outcome how);
    [[nodiscard]] bool too_many() const noexcept;

    outlier_rule rule_;
    std::deque<outcome> recent_;  // of the window, and at most most_kept
    unsigned in_a_row_ = 0;
    unsigned ejections_ = 0;
    std::optional<core::steady_time> until_;
};

}  // namespace corral::engine::ollama_remote
