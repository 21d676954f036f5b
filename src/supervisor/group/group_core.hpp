#pragma once
// The services of one group on their way together: gives the orders of group_policy after every change and
// tells the observers, later and in order, from a task of its own. Its tasks hold it, so it may outlive the
// handle that make_group() gives out.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/event_queue.hpp"
#include "corral/supervisor/group.hpp"
#include "supervisor/machine/service_fsm.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

// Who of a group may run now. Start order: a service runs only while all before it are ready. Rest for one:
// when one is not ready any more, those after it are killed and wait; unless `dependents_survive`, then those
// with a process stay. Stop order: the last service first. Decides only.
struct service_view {
    std::string name;
    service_state state = service_state::stopped;
    bool wanted = false;
    bool held = false;
    bool dependents_survive = false;
    bool alive = false;  // a process of it lives
};

struct group_order {
    std::size_t service = 0;
    service_event event;
};

// The next orders, in the order in which to give them; none when all is as it should be. Obeyed orders are
// not given again, so asking until none is left ends.
[[nodiscard]] std::vector<group_order> next_orders(const std::vector<service_view>& services, bool wanted);

class group_core final : public group, public runner_owner, public std::enable_shared_from_this<group_core> {
public:
    group_core(const supervisor_context& context, group_spec wanted);

    // What others hold: its end closes the group.
    [[nodiscard]] std::shared_ptr<group> handle();
    // Kills what lives and forgets the observers.
    void close();
    // See adopt_group().
    [[nodiscard]] core::result<void> take_over(const group_handover& handover);

    const std::string& name() const noexcept override { return name_; }
    std::vector<service_status> status() const override;
    bool ready() const noexcept override;
    bool wanted() const noexcept override { return wanted_; }
    core::awaitable<core::result<void>> wait_ready(core::deadline until) override {
        return wait_ready(shared_from_this(), until);
    }
    core::awaitable<bool> verify_endpoints() override { return verify_endpoints(shared_from_this()); }
    void restart(std::string_view service, core::reason cause, restart_reason why) override;
    bool halted(std::string_view service) const override;
    bool ended(std::string_view service) const override;
    void went_well(std::string_view service) override;
    void start() override;
    core::awaitable<bool> stop(core::deadline until) override { return stop(shared_from_this(), until); }
    std::optional<group_handover> hand_over() const override;
    void add_observer(group_observer* hears) override;
    void remove_observer(group_observer* hears) override;
    std::deque<transition_record> history() const override { return history_; }
    std::deque<std::string> recent_lines(std::string_view service) const override;
    const telemetry::line_ring* output_of(std::string_view service) const override;

    void on_changed(service_runner& service) override;
    void on_transition(transition_record what) override;
    void on_output(const service_runner& service, process::output_stream stream,
                   std::string_view bytes) override;

private:
    struct change {};
    void settle() { changes_.post({}); }
    void give_orders();
    // Coroutines hold the core themselves, the handle may go meanwhile.
    static core::awaitable<bool> stop(std::shared_ptr<group_core> self, core::deadline until);
    static core::awaitable<core::result<void>> wait_ready(std::shared_ptr<group_core> self,
                                                          core::deadline until);
    static core::awaitable<bool> verify_endpoints(std::shared_ptr<group_core> self);
    [[nodiscard]] bool at_rest() const noexcept;
    [[nodiscard]] const service_runner* find(std::string_view service) const;
    void queue_news(service_status status);
    static core::awaitable<void> tell(std::shared_ptr<group_core> self);
    // Why readiness can't come by waiting; empty while it can.
    [[nodiscard]] core::reason hopeless() const;
    [[nodiscard]] core::reason not_in_time() const;
    [[nodiscard]] bool still_hears(const group_observer* hears) const;

    supervisor_context context_;
    std::string name_;
    std::vector<std::shared_ptr<service_runner>> services_;  // start order
    std::vector<group_observer*> observers_;
    std::deque<service_status> news_;  // at most one a service and state; see queue_news()
    std::deque<transition_record> history_;
    std::uint64_t transitions_ = 0;
    core::wake_signal changed_;
    core::event_queue<change> changes_;
    bool wanted_ = false;
    bool closed_ = false;
    bool telling_ = false;
};

}  // namespace corral::supervisor
