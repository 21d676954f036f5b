#include "engine/preflight_gate.hpp"

#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "corral/catalog/whole_file.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/say.hpp"

namespace corral::engine {

namespace {

namespace fs = std::filesystem;
using setting_files = std::vector<catalog::expanded_service::file>;
using supervisor::gate_state;
using supervisor::gate_verdict;

constexpr core::seconds patience{10};

// Blocking. Nothing but the owner may read them: a setting can be a secret. The first problem; "": all are
// there.
std::string write_files(const setting_files& files) {
    for (const catalog::expanded_service::file& one : files) {
        const fs::path folder = one.path.parent_path();
        std::error_code problem;
        fs::create_directories(folder, problem);
        if (!problem) {
            fs::permissions(folder, fs::perms::owner_all, problem);
        }
        if (problem) {
            return "the folder " + folder.string() + " can't be made: " + problem.message();
        }
        if (const auto written = catalog::write_whole_file(one.path, one.text); !written) {
            return written.error().message;
        }
    }
    return {};
}

class settings_gate final : public supervisor::start_gate {
public:
    settings_gate(const supervisor::supervisor_context& context, setting_files files,
                  std::shared_ptr<supervisor::start_gate> next)
        : context_(context), files_(std::move(files)), next_(std::move(next)) {}

    core::awaitable<gate_verdict> ask() override {
        std::string problem;
        if (context_.disk != nullptr) {
            std::function<std::string()> work = [files = files_] { return write_files(files); };
            const auto until = core::deadline::after(patience, context_.clock->now());
            auto working = context_.disk->run(files_.front().path.string(), std::move(work), until);
            const core::result<std::string> written = co_await std::move(working);
            problem = written ? *written : written.error().message.text();
        } else {
            problem = write_files(files_);
        }
        if (!problem.empty()) {
            co_return gate_verdict{gate_state::shut, core::say("runtime.settings-file/unwritten", problem),
                                   core::say("runtime.settings-file/room")};
        }
        gate_verdict verdict;
        if (next_) {
            auto asking = next_->ask();
            verdict = co_await std::move(asking);
        }
        co_return verdict;
    }

    core::awaitable<bool> changed(std::string reason, bool first) override {
        bool out = false;
        if (next_) {
            auto looking = next_->changed(std::move(reason), first);
            out = co_await std::move(looking);
        }
        co_return out;
    }

    void on_spawned(pid_t pid) override {
        if (next_) {
            next_->on_spawned(pid);
        }
    }
    void on_ready(pid_t pid) override {
        if (next_) {
            next_->on_ready(pid);
        }
    }
    void on_gone(pid_t pid) override {
        if (next_) {
            next_->on_gone(pid);
        }
    }
    std::uint64_t measured_mb() const noexcept override { return next_ ? next_->measured_mb() : 0; }

private:
    supervisor::supervisor_context context_;
    setting_files files_;
    std::shared_ptr<supervisor::start_gate> next_;
};

}  // namespace

std::shared_ptr<supervisor::start_gate> with_settings(const supervisor::supervisor_context& context,
                                                      const supervisor::service_spec& service) {
    if (service.files.empty()) {
        return service.gate;
    }
    return std::make_shared<settings_gate>(context, service.files, service.gate);
}

}  // namespace corral::engine
