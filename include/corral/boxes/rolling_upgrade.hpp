#pragma once
// A fleet is upgraded a few boxes at a time: each is drained, changed by its operator's command, and has to serve again
// before the next one begins. Decides alone: events and a time in, actions out; it opens no connection and starts no
// program.
//
//   untouched ─ drain ─▶ draining ─▶ emptying ─ quiet ─▶ changing ─▶ waking ─▶ undraining ─▶ done
//                            │           │                  │           │          │
//                            └───────────┴─ giving_back ─▶ untouched    └──────────┴─▶ failed, and left drained
//
// After the first failure, and when it is interrupted, no further box begins; those that had not been changed are given
// back to the balancer, the others go on to their end.

#include <cstddef>
#include <string>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::boxes {

struct upgrade_rules {
    std::size_t max_unavailable = 1;          // boxes at the same time; from 1 on
    core::milliseconds drain_limit{600'000};  // for requests that run when a box is drained
    core::milliseconds quiet{3'000};          // without a request, before the box is changed
    core::milliseconds ready_limit{900'000};  // from the end of the command until the box serves again
    core::milliseconds between_looks{500};
};

enum class upgrade_step {
    untouched,
    draining,
    emptying,
    changing,
    waking,
    undraining,
    giving_back,
    done,
    failed
};

[[nodiscard]] const char* to_string(upgrade_step step) noexcept;

// What a box said, or why it said nothing.
struct box_sight {
    bool answers = false;
    bool drained = false;
    std::size_t requests = 0;        // that run or wait there
    std::vector<std::string> ready;  // models that would answer at once
    std::string version;
    std::string why;  // where it does not answer: a sentence
};

struct upgrade_action {
    enum class kind { look, drain, change, undrain };
    kind what = kind::look;
    std::size_t box = 0;
    bool operator==(const upgrade_action&) const = default;
};

struct upgraded_box {
    upgrade_step step = upgrade_step::untouched;
    bool changed = false;       // its command has run
    bool left_drained = false;  // by this upgrade, as far as is known
    std::string why;            // it failed, or was refused: a sentence
    std::string version;        // the last one that it told
};

class rolling_upgrade {
public:
    // REQUIRES: rules.max_unavailable > 0.
    rolling_upgrade(std::size_t boxes, upgrade_rules rules);

    // Looks at all of them: none begins unless all answer and none is drained already.
    [[nodiscard]] std::vector<upgrade_action> begin(core::steady_time now);
    // Each action is answered by one of these, once.
    [[nodiscard]] std::vector<upgrade_action> on_seen(std::size_t box, const box_sight& seen,
                                                      core::steady_time now);
    [[nodiscard]] std::vector<upgrade_action> on_drained(std::size_t box, const std::string& failure,
                                                         core::steady_time now);
    [[nodiscard]] std::vector<upgrade_action> on_changed(std::size_t box, const std::string& failure,
                                                         core::steady_time now);
    [[nodiscard]] std::vector<upgrade_action> on_undrained(std::size_t box, const std::string& failure,
                                                           core::steady_time now);
    [[nodiscard]] std::vector<upgrade_action> on_tick(core::steady_time now);
    // No further box begins.
    [[nodiscard]] std::vector<upgrade_action> on_interrupt(core::steady_time now);

    // Nothing is under way, and nothing will begin.
    [[nodiscard]] bool over() const;
    // All boxes are done.
    [[nodiscard]] bool succeeded() const;
    [[nodiscard]] const std::vector<upgraded_box>& boxes() const noexcept { return told_; }

private:
    struct inner {
        bool look_under_way = false;
        bool seen_first = false;
        core::steady_time last_look{};
        core::steady_time since{};  // of this step
        core::steady_time quiet_since{};
        bool quiet = false;
        std::vector<std::string> ready_before;
        std::string last_sight;  // why it is not ready, for the sentence of a deadline
    };
    using actions = std::vector<upgrade_action>;

    void enter(std::size_t box, upgrade_step step, core::steady_time now);
    void fail(std::size_t box, std::string why);
    void give_back(std::size_t box, std::string why, core::steady_time now, actions& out);
    void start_more(core::steady_time now, actions& out);
    void judge_first_look();
    void judge_emptying(std::size_t box, const box_sight& seen, core::steady_time now, actions& out);
    void judge_waking(std::size_t box, const box_sight& seen, core::steady_time now, actions& out);
    void check_limits(std::size_t box, core::steady_time now, actions& out);
    [[nodiscard]] bool under_way(std::size_t box) const;

    upgrade_rules rules_;
    std::vector<upgraded_box> told_;
    std::vector<inner> state_;
    bool looked_ = false;    // at all, before the first begins
    bool stopping_ = false;  // none begins any more
};

}  // namespace corral::boxes
