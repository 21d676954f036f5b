#pragma once
// Pulls and removals for clients: each is a command of our own program, so that neither the loop nor our memory sees a
// byte of a download.

#include <memory>
#include <string>
#include <vector>

#include "corral/api/package_desk.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/process/warden.hpp"

namespace corral::daemon {

struct desk_options {
    std::string program;             // our own, absolute
    std::vector<std::string> place;  // for every command: --config FILE, --socket PATH
    core::milliseconds silence{300'000};
    core::milliseconds grace{10'000};
};

class package_desk final : public api::package_desk {
public:
    // All are borrowed and outlive the desk.
    package_desk(core::task_group& tasks, const core::clock_source& clock, process::warden& guard,
                 desk_options how);
    ~package_desk() override;

    [[nodiscard]] core::awaitable<core::result<std::unique_ptr<api::pull_watch>>> pull(
        std::string name, std::string client) override;
    [[nodiscard]] core::awaitable<core::result<void>> remove(std::string name) override;

    // Ends every pull, and tells those who wait for it why; asked again it goes on. Removals come to their end.
    void stop_pulls(const std::string& why);
    // Pulls and removals that go on.
    [[nodiscard]] std::size_t busy() const noexcept;

private:
    class watch;
    struct transfer;
    struct removal;
    struct registry;
    [[nodiscard]] core::awaitable<void> run(std::shared_ptr<transfer> of);
    [[nodiscard]] core::awaitable<void> run(std::shared_ptr<removal> of);
    [[nodiscard]] std::vector<std::string> words_of(std::vector<std::string> command) const;

    core::task_group& tasks_;
    const core::clock_source& clock_;
    process::warden& guard_;
    desk_options how_;
    std::shared_ptr<registry> open_;  // also the tasks', which may end after the desk
};

}  // namespace corral::daemon
