#pragma once
// One call of a status tool, from its start to its end or its killing.

#include <optional>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/process/child.hpp"
#include "corral/process/warden.hpp"

namespace corral::device {

class tool_call {
public:
    tool_call(process::child started, process::warden& guard);
    tool_call(const tool_call&) = delete;
    tool_call& operator=(const tool_call&) = delete;
    // Kills what still lives of it; never waits.
    ~tool_call();

    // Reads what it prints until it ends, at most for `limit`; then kills what is left of it.
    [[nodiscard]] core::awaitable<void> finish(core::milliseconds limit);
    // Gives a killed one a moment to be gone. False: not even SIGKILL ends it.
    [[nodiscard]] core::awaitable<bool> is_gone();

    [[nodiscard]] bool answered() const noexcept { return answered_; }  // ended by itself, in its time
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
    [[nodiscard]] const process::exit_reason& how() const noexcept { return how_; }
    [[nodiscard]] const std::optional<core::failure>& never_ran() const noexcept {
        return child_.failed_start();
    }
    [[nodiscard]] const std::string& output() const noexcept { return output_; }
    [[nodiscard]] const std::string& errors() const noexcept { return errors_; }

private:
    core::awaitable<void> collect(process::output_stream stream, std::string& into);
    core::awaitable<void> await_end();
    core::awaitable<void> see_to_its_end();
    void kill();

    process::child child_;
    process::warden& guard_;
    process::exit_reason how_;
    std::string output_;
    std::string errors_;
    bool ended_ = false;
    bool answered_ = false;
    bool overflowed_ = false;
};

}  // namespace corral::device
