#pragma once
// Models that are stopped for as long as the process that asked for it runs, as 'corral bench --beside' does.

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/upgrade/upgrade_document.hpp"

namespace corral::daemon {

class lent_models {
public:
    struct loan;
    // Of a model whose process has ended, or (`overdue`) has run for too long.
    using return_sink = std::function<void(const std::string& model, bool overdue)>;

    static constexpr std::size_t most = 16;  // processes

    lent_models(core::task_group& tasks, return_sink returned,
                core::nanoseconds longest = core::seconds{24 * 3600})
        : tasks_(tasks), returned_(std::move(returned)), longest_(longest) {}

    // A place for that process (a pidfd), which is given back with the pointer; nullptr: all are taken.
    // It is overdue at `until`, or after the longest time that a loan may last.
    [[nodiscard]] std::shared_ptr<loan> open(core::owned_fd asker,
                                             core::steady_time until = core::steady_time::max());
    // The last word on a model counts. `to` may be nullptr: it is lent no more.
    void lend(const std::string& model, const std::shared_ptr<loan>& to);
    void begin(const std::shared_ptr<loan>& lent);

    // For the next image.
    [[nodiscard]] std::vector<upgrade::loan_handover> hand_over() const;
    void go_on_with(const std::vector<upgrade::loan_handover>& before);

private:
    [[nodiscard]] core::awaitable<void> await_end(std::shared_ptr<loan> lent);
    [[nodiscard]] std::vector<std::shared_ptr<loan>> all() const;

    core::task_group& tasks_;
    return_sink returned_;
    core::nanoseconds longest_;
    std::vector<std::weak_ptr<loan>> loans_;
};

}  // namespace corral::daemon
