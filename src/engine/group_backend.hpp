#pragma once
// What backends that own processes have alike: a group of services, of which one is the runtime that answers; what that
// takes of the device, how it slows down and grows, and what an upgrade hands over of them.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/engine/backend.hpp"
#include "corral/engine/handover.hpp"
#include "corral/supervisor/group.hpp"
#include "engine/decay_watch.hpp"
#include "engine/request_words.hpp"
#include "engine/service_places.hpp"

namespace corral::engine {

class group_backend : public backend, protected supervisor::group_observer {
public:
    group_backend(const group_backend&) = delete;
    group_backend& operator=(const group_backend&) = delete;

    [[nodiscard]] const catalog::model_entry& model() const noexcept final { return model_; }
    [[nodiscard]] supervisor::group& services() noexcept final { return *group_; }
    [[nodiscard]] availability available() const final;
    [[nodiscard]] core::wake_signal& availability_changed() noexcept final { return changed_; }
    [[nodiscard]] backend_report report() const override;  // speed and growth
    [[nodiscard]] device_claim claim() const final;
    [[nodiscard]] bool renew(const catalog::model_entry& as) override;
    [[nodiscard]] std::uint64_t outside_faults() const final;

protected:
    group_backend(const supervisor::supervisor_context& context, catalog::model_entry model);
    ~group_backend() override = default;

    // Makes the group of these services, each with what `hook` adds to it, or takes them over, and throws
    // boost::system::system_error where that fails. `capacity`: as backend_facts has it.
    void own(group_places& places, unsigned capacity,
             const std::function<void(supervisor::service_spec&)>& hook, const backend_handover* handover);
    // From here on the observer's calls come, and not after disown(). REQUIRES: own().
    void observe() { group_->add_observer(this); }
    void disown();
    // Reports come a moment late; a run must not begin with an old one in mind.
    void look_at_services();
    // For the question of a first test, which the supervisor may ask to end.
    [[nodiscard]] std::shared_ptr<run_control> control_of_first_test();
    // Asked of each answer before it is believed (http::stream_call::gone).
    [[nodiscard]] bool runtime_is_gone() const {
        return group_ == nullptr || group_->ended(runtime_service_);
    }
    // The box is at work while its runtime loads.
    void note_load(supervisor::service_state of_runtime);
    // What people should know of it while it serves; empty: nothing.
    [[nodiscard]] virtual std::string warning() const { return decay_ ? decay_->warning() : std::string(); }
    // Nothing unless the services are ready and at rest.
    [[nodiscard]] std::optional<backend_handover> handed_over(std::string fingerprint,
                                                              const port_map& ports) const;

    supervisor::supervisor_context context_;
    catalog::model_entry model_;
    core::wake_signal changed_;
    request_words words_;
    std::optional<decay_watch> decay_;  // nothing: the model says so
    std::shared_ptr<supervisor::group> group_;

private:
    std::string runtime_service_;
    std::vector<std::shared_ptr<supervisor::start_gate>> gates_;
    std::weak_ptr<run_control> first_test_;
    std::uint64_t measured_before_ = 0;  // MiB on the device, by the image of this program before
    std::optional<supervisor::box_activity::mark> loading_;
};

}  // namespace corral::engine
