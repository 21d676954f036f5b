#pragma once
// Whether a remote server may get requests: what questions of our own found (active), and how requests fared
// (passive). Decides only.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::engine::ollama_remote {

// Passive health of a server that others look after: requests that failed there tell that it is an outlier,
// and it gets none for a while, longer each time, as in Envoy's outlier detection. The tries of one request tell
// no more than the first of them. Owns no timer.
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

struct health_rule {
    unsigned good = 2;                              // answers in a row after which one that was down is up;
                                                    // where no other can serve the first counts
    unsigned bad = 3;                               // failures in a row after which one that was up is down
    core::nanoseconds interval = core::seconds{5};  // between two questions
    outlier_rule outlier;
};

class remote_health {
public:
    explicit remote_health(health_rule rule = {}) : rule_(rule), outlier_(rule.outlier) {}

    void set_ejects(bool ejects) {
        rule_.outlier.ejects = ejects;
        outlier_.set_ejects(ejects);
    }
    // Nothing is known any more, or it is not wanted.
    void begin();
    void end() noexcept { wanted_ = false; }

    // A question was answered as it should be; `why` else, a sentence without its end. The first counts at
    // once.
    void probed(bool good, core::reason why);
    // A request ended well there, or failed by the server's fault.
    void served(core::steady_time now) { outlier_.succeeded(now); }
    void failed(core::reason why, core::steady_time now, std::string_view request = {});
    // A request found no server there. Where others can serve no second one has to find that out.
    void missed(core::reason why);

    [[nodiscard]] availability now(core::steady_time when) const;
    // The next question is due so long after the last one.
    [[nodiscard]] core::nanoseconds pause(core::steady_time when) const noexcept;

private:
    enum class found { nothing, up, down };
    health_rule rule_;
    outlier_policy outlier_;
    bool wanted_ = false;
    found is_ = found::nothing;
    unsigned in_a_row_ = 0;  // answers that speak against `is_`
    core::reason why_;       // it is down
    core::reason last_failure_;
};

}  // namespace corral::engine::ollama_remote
