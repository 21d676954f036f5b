#pragma once
// What Corral is measured beside: the model's own runtime without Corral, or a server of OpenAI's kind.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench/bench_plan.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/async.hpp"

namespace corral::cli {

// The runtime of a model of this machine, as its profile starts it but with nothing of Corral between it and its
// tokenizer; and the Corral that lets the card go for it. Its end, however it comes, ends what it started and has
// Corral serve the model again; only SIGKILL leaves the model stopped.
class own_runtime {
public:
    // REQUIRES: no thread exists yet. `sockets`: where that Corral is asked.
    own_runtime(catalog::model_entry model, std::vector<std::filesystem::path> sockets);
    own_runtime(const own_runtime&) = delete;
    own_runtime& operator=(const own_runtime&) = delete;
    ~own_runtime();

    // Loads what `side` measures, and unloads the other: of this runtime's own the address is filled in. Bounded;
    // fails with why it does not come up.
    [[nodiscard]] core::awaitable<core::result<void>> enter(bench_side& side);
    // Ends the runtime, and has Corral serve the model.
    [[nodiscard]] core::awaitable<void> leave();
    // A wait in enter() ends soon.
    void give_up() noexcept;

private:
    struct machinery;
    [[nodiscard]] core::awaitable<core::result<void>> take_card();
    [[nodiscard]] core::awaitable<core::result<void>> give_card_back();
    [[nodiscard]] core::awaitable<core::result<void>> come_up(bench_side& side);
    [[nodiscard]] core::awaitable<void> go_down();
    [[nodiscard]] core::result<control::admin_json> ask(const char* verb) const;
    [[nodiscard]] std::string state_at_corral() const;

    catalog::model_entry model_;
    std::vector<std::filesystem::path> sockets_;
    std::unique_ptr<machinery> parts_;
    bool stopped_there_ = false;  // by us
    bool gave_up_ = false;
};

// A model of the Corral of this machine, as its own runtime is asked. Fails where that can't be, and says what to do.
// `status`: of that Corral.
[[nodiscard]] core::result<std::shared_ptr<own_runtime>> own_runtime_of(
    const catalog::model_entry& model, std::vector<std::filesystem::path> sockets,
    const control::admin_json& status, bench_side& other);

}  // namespace corral::cli
