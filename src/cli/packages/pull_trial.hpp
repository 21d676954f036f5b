#pragma once
// The new revision of a model is tried before the one that it replaces goes.

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/base/daemon_place.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

class revision_trial {
public:
    // Keeps what an import changes: the manifest of `model`, `manifest`, and its seal. All are borrowed but the texts.
    revision_trial(std::string model, std::filesystem::path manifest, const daemon_place& daemon,
                   const std::map<std::string, std::string>& environment);

    // Loads the model by the Corral that serves it, after its running answers, for two minutes of which are waited for.
    // False: it can't be tried, for no Corral runs, or its operator has stopped the model. Fails with the reason where
    // it is not ready, with `cancelled` once `stop` is true. `waiting` is called twice a second.
    [[nodiscard]] core::result<bool> run(const std::atomic<bool>& stop,
                                         const std::function<void()>& waiting) const;
    // The manifest as it was, and the model loaded by it again.
    [[nodiscard]] core::result<void> restore() const;

private:
    [[nodiscard]] core::result<nlohmann::ordered_json> ask(const char* verb) const;
    [[nodiscard]] std::optional<nlohmann::ordered_json> look() const;  // the model's part of the status
    [[nodiscard]] core::result<bool> await_ready(const std::atomic<bool>& stop,
                                                 const std::function<void()>& waiting) const;

    std::string model_;
    std::filesystem::path manifest_;
    std::map<std::filesystem::path, std::optional<std::string>> texts_;  // nothing: there was no such file
    const daemon_place& daemon_;
    const std::map<std::string, std::string>& environment_;
};

}  // namespace corral::cli
