#pragma once
// Whether a remote server may get requests: what questions of our own found (active), and how requests fared
// (passive). Decides only.

#include <string>
#include <string_view>

#include "corral/engine/backend.hpp"
#include "engine/dialects/ollama_remote/outlier_policy.hpp"

namespace corral::engine::ollama_remote {

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
