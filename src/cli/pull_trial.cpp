#include "cli/pull_trial.hpp"

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/reported_fields.hpp"
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

// Ends of starts, one after another, that are enough to tell.
constexpr double enough_starts = 3;

struct start_count {
    double starts = 0;   // of all services
    std::string reason;  // of one that waits for its next start; empty: none does
};

start_count starts_of(const nlohmann::ordered_json& model) {
    start_count out;
    for (const nlohmann::ordered_json& one : reported_instances(model)) {
        for (const nlohmann::ordered_json& service : reported_objects(one, "services")) {
            out.starts += reported_amount(service, "starts");
            if (reported_text(service, "state") == "waiting") {
                out.reason = reported_text(service, "reason");
            }
        }
    }
    return out;
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
    return control::ask_daemon(sockets_of(daemon_, environment_),
                               {{"verb", verb}, {"target", model_}, {"wait_seconds", 0}}, answer_limit);
}

std::optional<nlohmann::ordered_json> revision_trial::look() const {
    const auto status = ask("status");
    if (!status || !is_about(*status, config::find_configuration(daemon_.config, environment_).file)) {
        return std::nullopt;
    }
    for (const nlohmann::ordered_json& one : reported_objects(*status, "models")) {
        if (reported_text(one, "name") == model_) {
            return one;
        }
    }
    return std::nullopt;
}

core::result<bool> revision_trial::run(const std::atomic<bool>& stop,
                                       const std::function<void()>& waiting) const {
    const auto begun = std::chrono::steady_clock::now();
    for (auto seen = look(); !stop; seen = look()) {
        const std::string state = seen ? reported_text(*seen, "state") : std::string();
        if (!seen || state == "stopped" || state == "stopping") {
            return false;
        }
        const auto queue = seen->value("queue", nlohmann::ordered_json::object());
        const bool idle = !queue.is_object() || reported_amount(queue, "running") == 0;
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
    std::optional<double> first;
    while (!stop && std::chrono::steady_clock::now() - begun < longest_load) {
        if (const auto seen = look()) {
            const std::string state = reported_text(*seen, "state");
            const start_count now = starts_of(*seen);
            first = first.value_or(now.starts);
            reason = now.reason.empty() ? reported_text(*seen, "reason") : now.reason;
            if (state == "ready") {
                return true;
            }
            if (state == "broken" || (!now.reason.empty() && now.starts - *first >= enough_starts)) {
                break;
            }
        }
        waiting();
        std::this_thread::sleep_for(between_looks);
    }
    return core::make_failure(stop ? core::errc::cancelled : core::errc::unavailable, reason);
}

core::result<void> revision_trial::restore() const {
    for (const auto& [file, text] : texts_) {
        std::error_code ignored;  // a seal that stays tells of another package, which the load says
        if (!text) {
            fs::remove(file, ignored);
        } else if (const auto done = config::write_manifest(file, *text, true); !done) {
            return done;
        }
    }
    if (const auto told = ask("reload"); !told) {
        return told.error();
    }
    const auto loaded = ask("restart");
    return loaded ? core::result<void>() : loaded.error();
}

}  // namespace corral::cli
