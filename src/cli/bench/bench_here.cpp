#include "cli/bench/bench_here.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>

#include <unistd.h>

#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "corral/config/server_places.hpp"
#include "corral/core/files.hpp"
#include "corral/core/server_url.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

// "Raspberry Pi 5 Model B Rev 1.0, card 0 AX650N"
std::string hardware_here(const local_corral& here) {
    std::string out;
    const core::result<std::string> board = read_bounded("/proc/device-tree/model", 4096);
    if (board) {
        out = telemetry::printable(board->substr(0, board->find('\0')), 100);
    }
    for (const auto& tool : reported_objects(here.known.status, "devices")) {
        for (const auto& card : reported_objects(tool, "cards")) {
            const std::string name = reported_text(card, "name", 100);
            out += (out.empty() ? "card " : ", card ") +
                   std::to_string(static_cast<int>(reported_amount(card, "card"))) +
                   (name.empty() ? "" : " " + name);
        }
    }
    return out;
}

// What Corral sends where a client asks for nothing; top-p only counts where top-k doesn't.
void add_sampling(bench::run_record& to, const catalog::model_entry& model) {
    const catalog::sampling_defaults& own = model.sampling;
    const bool whole = model.runtime.dialect == "ax-poll";  // which lists none, for it takes them all
    for (const auto& [name, other_name, value] :
         {std::tuple{"temperature", "", own.temperature},
          std::tuple{"top_k", "", static_cast<double>(own.top_k)}, std::tuple{"top_p", "", own.top_p},
          std::tuple{"repeat_penalty", "repetition_penalty", own.repeat_penalty}}) {
        const auto& sent = model.runtime.traits.sampling;
        const bool known =
            std::ranges::find(to.sampling, name, &std::pair<std::string, double>::first) != to.sampling.end();
        const bool is_sent = std::ranges::find(sent, name) != sent.end() ||
                             std::ranges::find(sent, other_name) != sent.end() ||
                             (whole && (name != std::string_view("top_p") || own.top_k <= 0));
        if (is_sent && !known) {
            to.sampling.emplace_back(name, value);
        }
    }
}

}  // namespace

std::string listening_url(const known_models& known) {
    if (std::string told = known.status.is_object() ? reported_text(known.status, "url") : std::string();
        !told.empty()) {
        return told;
    }
    const auto& at = known.files.listen;
    if (!known.readable || at.port() == 0) {
        return "http://127.0.0.1:11434";
    }
    const std::string address = at.address().to_string();
    return std::string(known.files.tls ? "https://" : "http://") +
           (at.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(at.port());
}

local_corral look_here(const std::optional<std::string>& config,
                       const std::map<std::string, std::string>& environment) {
    local_corral out;
    daemon_place place;
    place.config = config;
    out.known = look_for_models(place, environment);
    out.url = listening_url(out.known);
    for (const auto& [any, own] :
         {std::pair("://0.0.0.0:", "://127.0.0.1:"), std::pair("://[::]:", "://[::1]:")}) {
        if (const auto found = out.url.find(any); found != std::string::npos) {
            out.url.replace(found, std::string_view(any).size(), own);
        }
    }
    return out;
}

core::result<void> trust_here(std::optional<http::tls_peer>& to, const local_corral& here) {
    if (!here.known.files.tls) {
        return {};
    }
    const core::result<http::tls_trust> trust = http::tls_trust::load(here.known.files.tls->certificate);
    if (!trust) {
        return trust.error();
    }
    to = http::tls_peer{*trust, {}};
    return {};
}

bool is_served_here(const local_corral& here, const bench::trial_target& at) {
    if (!here.known.status.is_object()) {
        return false;
    }
    const auto own = core::parse_server_url(here.url, core::url_schemes::http_and_https);
    const auto* const url = std::get_if<core::server_url>(&own);
    return url != nullptr && url->port == at.at.port() &&
           (at.at.address().is_loopback() || at.at.address().to_string() == url->host);
}

void add_local_facts(bench::run_record& to, const local_corral& here) {
    if (to.hardware.empty()) {
        to.hardware = hardware_here(here);
    }
    const catalog::model_entry* const model = config::find_model(here.known.files, to.model);
    if (model != nullptr) {
        to.facts.package = model->package.filename().string();
        to.facts.profile = model->runtime.name;
        if (model->runtime.traits.usage == catalog::usage_trust::none) {
            to.facts.counts = "tokens estimated";
        }
        add_sampling(to, *model);
    }
}

namespace fs = std::filesystem;

fs::path history_file(const std::map<std::string, std::string>& environment) {
    const fs::path state = config::usual_state_directory(environment);
    return state.empty() ? fs::path() : state / "bench" / "history.jsonl";
}

core::result<std::vector<bench::kept_run>> kept_runs(const fs::path& file) {
    const core::result<core::private_file> kept = core::read_private_file(file);
    if (!kept) {
        const bool none = file.empty() || kept.error().code == std::errc::no_such_file_or_directory;
        return none ? core::result<std::vector<bench::kept_run>>(std::vector<bench::kept_run>{})
                    : core::result<std::vector<bench::kept_run>>(kept.error());
    }
    return bench::read_history(kept->text);
}

std::vector<bench::kept_run> earlier_runs(const fs::path& file, const bench::run_record& run) {
    constexpr std::size_t most = 20;
    const auto all = kept_runs(file);
    return all ? bench::comparable(*all, bench::kept_of(run), most) : std::vector<bench::kept_run>{};
}

core::result<void> keep_run(const fs::path& file, const bench::run_record& run) {
    constexpr std::chrono::milliseconds pause{100};
    constexpr int tries = 50;
    const core::result<void> made = core::make_private_folder(file.parent_path());
    if (!made) {
        return made.error();
    }
    core::result<core::folder_lock> lock = core::folder_lock::take(file.parent_path());
    for (int i = 0; !lock && i < tries; ++i) {
        std::this_thread::sleep_for(pause);
        lock = core::folder_lock::take(file.parent_path());
    }
    if (!lock) {
        return lock.error();
    }
    core::result<std::vector<bench::kept_run>> all = kept_runs(file);
    if (!all) {
        return all.error();
    }
    core::private_file with;
    with.text = bench::history_lines(bench::with_run(std::move(*all), bench::kept_of(run)));
    with.owner = ::geteuid();
    with.group = ::getegid();
    return core::replace_private_file(file, with);
}

}  // namespace corral::cli
