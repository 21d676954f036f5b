#include "engine/dialects/ax_poll/process_epochs.hpp"

#include <utility>

namespace corral::engine::ax_poll {

namespace {

using supervisor::service_state;

// A service that is seen to its end counts as stopping too, so its state tells whether it still serves, and
// not why.
bool gone(const supervisor::service_status& service, std::uint64_t starts) {
    return service.starts != starts || service.pid == 0 ||
           (service.state != service_state::starting && service.state != service_state::ready);
}

}  // namespace

process_epochs::process_epochs(std::string runtime, std::string tokenizer, bool bridged)
    : runtime_name_(std::move(runtime)), tokenizer_name_(std::move(tokenizer)), bridged_(bridged) {}

void process_epochs::on_status(const supervisor::service_status& now) {
    if (now.name == runtime_name_) {
        runtime_ = now;
    } else if (now.name == tokenizer_name_) {
        tokenizer_ = now;
    }
}

process_epochs::loss process_epochs::since(mark begun) const noexcept {
    const bool tokenizer_gone = !tokenizer_name_.empty() && gone(tokenizer_, begun.tokenizer_starts);
    const bool runtime_gone = gone(runtime_, begun.runtime_starts);
    if (runtime_gone && stop_wanted_) {
        return loss::stopping;
    }
    if (tokenizer_gone && (runtime_gone || !bridged_)) {
        return loss::tokenizer;
    }
    return runtime_gone ? loss::runtime : loss::none;
}

}  // namespace corral::engine::ax_poll
