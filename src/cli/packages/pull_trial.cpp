#include "cli/packages/pull_trial.hpp"

#include <chrono>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/package/package_seal.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds answer_limit{60};
constexpr core::milliseconds between_looks{500};
constexpr core::seconds longest_answer{120};
constexpr core::seconds longest_load{1800};

// Starts of one service that failed, which are enough to tell.
constexpr double enough_starts = 3;

// The reason of a service that waits for its next start after so many since `first`, which keeps what was seen first;
// empty: there is none.
std::string failed_start(const nlohmann::ordered_json& model, std::map<std::string, double>& first) {
    for (const nlohmann::ordered_json& one : reported_instances(model)) {
        for (const nlohmann::ordered_json& service : reported_objects(one, "services")) {
            const double starts = reported_amount(service, "starts");
            const std::string name = reported_text(one, "name") + "/" + reported_text(service, "name");
            const double before = first.try_emplace(name, starts).first->second;
            if (reported_text(service, "state") == "waiting" && starts - before >= enough_starts) {
                return reported_text(service, "reason");
            }
        }
    }
    return {};
}

std::optional<std::string> text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return in ? std::optional(out.str()) : std::nullopt;
}

}  // namespace

revision_trial::revision_trial(std::string model, fs::path manifest, const daemon_place& daemon,
                               const std::map<std::string, std::string>& environment)
    : model_(std::move(model)), manifest_(std::move(manifest)), daemon_(daemon), environment_(environment) {
    for (const fs::path& file : {manifest_, package::seal_of(manifest_)}) {
        texts_[file] = text_of(file);
    }
}

core::result<nlohmann::ordered_json> revision_trial::ask(const char* verb) const {
    return control::ask_daemon(sockets_of(daemon_, environment_), question_of(verb, model_), answer_limit);
}

std::optional<nlohmann::ordered_json> revision_trial::look() const {
    const auto status = ask("status");
    if (!status || !is_about(*status, config::find_configuration(daemon_.config, environment_).file)) {
        return std::nullopt;
    }
    for (const nlohmann::ordered_json& one : reported_objects(*status, "models")) {
        if (reported_text(one, "name") == model_) {
            return std::make_optional(one);  // not by its conversions to anything
        }
    }
    return std::nullopt;
}

core::result<bool> revision_trial::run(const std::atomic<bool>& stop,
                                       const std::function<void()>& waiting) const {
    const auto begun = std::chrono::steady_clock::now();
    for (auto seen = look(); !stop; seen = look()) {
        const std::string state = seen ? reported_text(*seen, "state") : std::string();
        if (!seen || state == "stopped") {
            return false;
        }
        const auto queue = seen->value("queue", nlohmann::ordered_json::object());
        const bool idle =
            state != "stopping" && (!queue.is_object() || reported_amount(queue, "running") == 0);
        if (idle || std::chrono::steady_clock::now() - begun > longest_answer) {
            break;
        }
        waiting();
        std::this_thread::sleep_for(between_looks);
    }
    if (const auto asked = ask("restart"); !asked) {
        return asked.error();
    }
    return await_ready(stop, waiting);
}

core::result<bool> revision_trial::await_ready(const std::atomic<bool>& stop,
                                               const std::function<void()>& waiting) const {
    const auto begun = std::chrono::steady_clock::now();
    std::string reason;
    std::map<std::string, double> first;
    while (!stop && std::chrono::steady_clock::now() - begun < longest_load) {
        if (const auto seen = look()) {
            const std::string state = reported_text(*seen, "state");
            const std::string failed = failed_start(*seen, first);
            reason = failed.empty() ? reported_text(*seen, "reason") : failed;
            if (state == "ready") {
                return true;
            }
            if (state == "broken" || !failed.empty()) {
                break;
            }
        }
        waiting();
        std::this_thread::sleep_for(between_looks);
    }
    return core::make_failure(stop ? core::errc::cancelled : core::errc::unavailable,
                              core::reason::unlisted(reason));
}

core::result<void> revision_trial::restore() const {
    for (const auto& [file, text] : texts_) {
        std::error_code ignored;  // a seal that stays tells of another package, which the load says
        if (!text) {
            fs::remove(file, ignored);
        } else if (auto done = config::write_manifest(file, *text, true); !done) {
            return done;
        }
    }
    if (const auto reloaded = ask("reload"); !reloaded) {
        return reloaded.error();
    }
    const auto loaded = ask("restart");
    return loaded ? core::result<void>() : loaded.error();
}

}  // namespace corral::cli
