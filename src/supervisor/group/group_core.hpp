#pragma once
// The services of one group on their way together: gives the orders of group_policy after every change and
// tells the observers, later and in order, from a task of its own. Held by its tasks, so it may outlive its
// handle.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/supervisor/group.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

class group_core final : public runner_owner, public std::enable_shared_from_this<group_core> {
public:
    group_core(const supervisor_context& context, group_spec wanted);

    // Kills what lives and forgets the observers; the handle goes.
    void close();

    void start();
    void restart(std::string_view service, std::string cause, bool asked);
    // Coroutines hold the core themselves, the handle may go meanwhile.
    static core::awaitable<bool> stop(std::shared_ptr<group_core> self, core::deadline until);
    static core::awaitable<core::result<void>> wait_ready(std::shared_ptr<group_core> self,
                                                          core::deadline until);

    // See group::hand_over() and adopt_group() (group_handover.cpp).
    [[nodiscard]] std::optional<group_handover> hand_over() const;
    [[nodiscard]] core::result<void> take_over(const group_handover& from);

    [[nodiscard]] bool ready() const noexcept;
    [[nodiscard]] bool at_rest() const noexcept;
    [[nodiscard]] bool verify_endpoints();
    [[nodiscard]] std::uint64_t epoch() const;
    [[nodiscard]] std::vector<service_status> status() const;
    [[nodiscard]] const std::deque<transition_record>& history() const noexcept { return history_; }
    [[nodiscard]] const service_runner* find(std::string_view service) const;
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    void add_observer(group_observer* hears);
    void remove_observer(group_observer* hears);

    void on_changed(service_runner& service) override;
    void on_transition(transition_record what) override;
    void on_output(const service_runner& service, process::output_stream from,
                   std::string_view bytes) override;

private:
    void settle();
    void queue_news(service_status status);
    static core::awaitable<void> tell(std::shared_ptr<group_core> self);
    // Why readiness can't come by waiting; empty while it can.
    [[nodiscard]] std::string hopeless() const;
    [[nodiscard]] std::string what_is_awaited() const;
    [[nodiscard]] bool still_hears(const group_observer* hears) const;

    supervisor_context context_;
    std::string name_;
    std::vector<std::shared_ptr<service_runner>> services_;  // start order
    std::vector<group_observer*> observers_;
    std::deque<service_status> news_;  // at most one a service and state; see queue_news()
    std::deque<transition_record> history_;
    std::uint64_t transitions_ = 0;
    core::wake_signal changed_;
    bool wanted_ = false;
    bool closed_ = false;
    bool settling_ = false;
    bool settle_again_ = false;
    bool telling_ = false;
};

}  // namespace corral::supervisor
