#include "engine/preflight_gate.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/process/listener_owner.hpp"
#include "corral/supervisor/device_gate.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine {

namespace {

std::shared_ptr<supervisor::start_gate> gate_of_card(const supervisor::supervisor_context& context,
                                                     const catalog::model_entry& model,
                                                     const supervisor::service_spec& service, unsigned card) {
    const catalog::device_template& said = model.runtime.device;
    device::gate_options gate;
    gate.optional = said.optional;
    gate.card = card;
    // A model's layers are dealt out to its cards in turn, so each takes its share.
    gate.memory_mb = said.memory_mb / model.cards.size();
    gate.memory_wait = said.memory_wait;
    gate.program = std::filesystem::path(service.command.command.front()).filename().string();
    gate.advice = with_card(said.advice, card);
    return supervisor::make_device_gate(context, catalog::label_of(model) + "/" + service.name,
                                        context.devices->find_or_make(reader_options_of(said, card)),
                                        std::move(gate));
}

}  // namespace

std::shared_ptr<supervisor::start_gate> gate_for(const supervisor::supervisor_context& context,
                                                 const catalog::model_entry& model,
                                                 const supervisor::service_spec& service) {
    if (!service.rules.device || context.devices == nullptr || !can_be_asked(model.runtime.device) ||
        model.cards.empty()) {
        return nullptr;
    }
    std::vector<std::shared_ptr<supervisor::start_gate>> all;
    for (const unsigned card : model.cards) {
        all.push_back(gate_of_card(context, model, service, card));
    }
    return supervisor::join_gates(std::move(all));
}

namespace {

using supervisor::gate_state;
using supervisor::gate_verdict;

// A disk that sleeps or a busy box; beyond it the disk does not answer. Together with the device's own time
// below the minute that a gate has.
constexpr core::seconds patience{25};
constexpr std::size_t most_told = 200;

// One look; it goes on when nobody waits for it any more, for nothing cuts short what blocks on a disk.
struct file_look {
    explicit file_look(const core::executor& on) : done(on) {}
    bool over = false;
    core::result<std::vector<catalog::finding>> found{std::vector<catalog::finding>{}};
    core::wake_signal done;
};

class preflight_gate final : public supervisor::start_gate,
                             public std::enable_shared_from_this<preflight_gate> {
public:
    preflight_gate(const supervisor::supervisor_context& context, const catalog::model_entry& model,
                   const supervisor::service_spec& service, std::shared_ptr<supervisor::start_gate> device)
        : context_(context),
          label_(model.name + "/" + service.name),
          lane_(model.name),
          files_(std::make_shared<preflight_files>()),
          device_(std::move(device)) {
        doctor::model_view view;
        view.entry = model;
        view.services.push_back(
            {service.rules, service.command, service.endpoint.port(), service.asked_port});
        wanted_.models.push_back(std::move(view));
        wanted_.around.listeners = [](std::uint16_t port) { return process::listeners_on(port); };
        wanted_.around.is_ours = [self = ::getpid()](pid_t pid) { return process::descends_from(pid, self); };
        wanted_.around.lives = [](pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; };
    }

    core::awaitable<gate_verdict> ask() override { return ask(shared_from_this()); }

    core::awaitable<bool> changed(std::string reason, bool first) override {
        return changed(shared_from_this(), std::move(reason), first);
    }

    void on_spawned(pid_t pid) override {
        python_was_asked_ = true;
        if (device_) {
            device_->on_spawned(pid);
        }
    }
    void on_ready(pid_t pid) override {
        python_was_asked_ = true;
        if (device_) {
            device_->on_ready(pid);
        }
    }
    void on_gone(pid_t pid) override {
        python_was_asked_ = true;
        if (device_) {
            device_->on_gone(pid);
        }
    }

private:
    static core::awaitable<gate_verdict> ask(std::shared_ptr<preflight_gate> self) {
        const std::shared_ptr<file_look> look = self->begin();
        const core::deadline until = core::deadline::after(patience, self->context_.clock->now());
        while (!look->over) {
            const core::wake_reason woken = co_await look->done.wait(until);
            if (woken == core::wake_reason::cancelled) {
                throw boost::system::system_error(boost::asio::error::operation_aborted);
            }
            if (woken == core::wake_reason::timed_out && !look->over) {
                co_return gate_verdict{gate_state::shut,
                                       core::say("runtime.files-silent", patience.count(),
                                                 self->wanted_.models.front().entry.package),
                                       "look at the disk of the package, or at the network that it lies on"};
            }
        }
        self->look_.reset();
        if (!look->found) {
            co_return not_looked_at(look->found.error());
        }
        gate_verdict verdict = self->judge(*look->found);
        if (verdict.state != gate_state::open || !self->device_) {
            co_return verdict;
        }
        auto asking = self->device_->ask();
        verdict = co_await std::move(asking);
        co_return verdict;
    }

    static core::awaitable<bool> changed(std::shared_ptr<preflight_gate> self, std::string reason,
                                         bool first) {
        std::function<bool()> work = [files = self->files_, wanted = self->wanted_, reason, first] {
            return files->changed(wanted, reason, first);
        };
        auto working = self->context_.disk->run(self->lane_, std::move(work),
                                                core::deadline::after(patience, self->context_.clock->now()));
        const core::result<bool> found = co_await std::move(working);
        co_return found&&* found;
    }

    // The look under way, else a new one: what one found that nobody waited for is old.
    std::shared_ptr<file_look> begin() {
        if (!look_ || look_->over) {
            look_ = std::make_shared<file_look>(context_.on);
            context_.tasks->spawn(
                label_ + ": a look at its files",
                carry_out(look_, files_, context_.disk, lane_, wanted_, !python_was_asked_));
        }
        return look_;
    }

    static core::awaitable<void> carry_out(std::shared_ptr<file_look> look,
                                           std::shared_ptr<preflight_files> files, core::disk_work* disk,
                                           std::string lane, doctor::examination wanted, bool ask_python) {
        std::function<std::vector<catalog::finding>()> work =
            [files, wanted = std::move(wanted), ask_python] { return files->look(wanted, ask_python); };
        auto working = disk->run(std::move(lane), std::move(work));
        look->found = co_await std::move(working);
        look->over = true;
        look->done.ring();
    }

    // A matter of moments, and of the box, not of the model.
    static gate_verdict not_looked_at(const core::failure& why) {
        return {gate_state::wait, core::say("runtime.files-silent/box", why),
                core::say("runtime.files-silent/do-box")};
    }

    gate_verdict judge(const std::vector<catalog::finding>& found) {
        const catalog::finding* worst = nullptr;
        std::size_t more = 0;
        if (told_.size() > most_told) {
            told_.clear();
        }
        for (const catalog::finding& one : found) {
            if (one.level == catalog::severity::error) {
                more += worst != nullptr ? 1 : 0;
                worst = worst != nullptr ? worst : &one;
            } else if (one.level == catalog::severity::warning && told_.insert(one.what).second) {
                telemetry::warn(telemetry::line_id::of(one.id), "{}: {}", label_,
                                supervisor::with_advice(core::reason::unlisted(one.what), one.fix));
            }
        }
        if (worst == nullptr) {
            return {};
        }
        std::string what = worst->what;
        if (what.ends_with('.')) {
            what.pop_back();  // others put more behind it
        }
        return {gate_state::shut,
                more > 0 ? core::say("runtime.finding/more", what, more) : core::say("runtime.finding", what),
                worst->fix};
    }

    supervisor::supervisor_context context_;
    std::string label_;
    std::string lane_;
    std::shared_ptr<preflight_files> files_;
    std::shared_ptr<supervisor::start_gate> device_;
    doctor::examination wanted_;
    std::shared_ptr<file_look> look_;
    std::set<std::string> told_;
    // A restart does not wait for an interpreter.
    bool python_was_asked_ = false;
};

}  // namespace

std::shared_ptr<supervisor::start_gate> make_preflight_gate(const supervisor::supervisor_context& context,
                                                            const catalog::model_entry& model,
                                                            const supervisor::service_spec& service,
                                                            std::shared_ptr<supervisor::start_gate> device) {
    return std::make_shared<preflight_gate>(context, model, service, std::move(device));
}

std::shared_ptr<supervisor::start_gate> with_preflight(const supervisor::supervisor_context& context,
                                                       const catalog::model_entry& model,
                                                       const supervisor::service_spec& service) {
    if (context.disk == nullptr || !model.preflight) {
        return service.gate;
    }
    return make_preflight_gate(context, model, service, service.gate);
}

}  // namespace corral::engine
