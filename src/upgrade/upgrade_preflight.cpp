#include "corral/upgrade/upgrade_preflight.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <limits>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <unistd.h>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/config/deployments.hpp"
#include "corral/config/server_places.hpp"
#include "corral/core/say.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/child.hpp"
#include "corral/process/program_check.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/upgrade/upgrade_document.hpp"
#include "corral/version.hpp"

namespace corral::upgrade {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;
using namespace boost::asio::experimental::awaitable_operators;

using program_fault = std::optional<process::program_fault>;

constexpr core::seconds patience{20};
// For one that was killed; a dead disk may hold it longer.
constexpr core::seconds longest_end{2};
constexpr std::size_t longest_report = 1024 * 1024;
constexpr std::size_t longest_complaint = 4096;
constexpr std::size_t most_models = 1024;

json write_door(const config::door_rules& of) {
    return {{"address", of.listen.address().to_string()},
            {"port", of.listen.port()},
            {"keys", of.keys},
            {"tls", of.tls},
            {"allow_unauthenticated", of.allow_unauthenticated}};
}

// Nothing when that is no door.
std::optional<config::door_rules> read_door(const json& object) {
    const auto has = [&](const char* name, bool (json::*is)() const noexcept) {
        return object.contains(name) && (object[name].*is)();
    };
    if (!object.is_object() || !has("address", &json::is_string) || !has("port", &json::is_number_unsigned) ||
        !has("keys", &json::is_boolean) || !has("tls", &json::is_boolean) ||
        !has("allow_unauthenticated", &json::is_boolean)) {
        return std::nullopt;
    }
    boost::system::error_code wrong;
    const auto address = boost::asio::ip::make_address(object["address"].get<std::string>(), wrong);
    const auto port = object["port"].get<std::uint64_t>();
    if (wrong || port > std::numeric_limits<std::uint16_t>::max()) {
        return std::nullopt;
    }
    return config::door_rules{{address, static_cast<std::uint16_t>(port)},
                              object["keys"].get<bool>(),
                              object["tls"].get<bool>(),
                              object["allow_unauthenticated"].get<bool>()};
}

// Reads to the end and keeps `most` bytes.
core::awaitable<std::string> read_stream(process::child& from, process::output_stream which,
                                         std::size_t most) {
    std::string all;
    while (true) {
        const core::result<std::string> part = co_await from.read(which);
        if (!part || part->empty()) {
            co_return all;
        }
        if (all.size() < most) {
            all += part->substr(0, most - all.size());
        }
    }
}

struct answer {
    std::string out;
    std::string err;
    process::exit_reason how;
};

core::awaitable<answer> listen_to(process::child& asked, bool& begun) {
    co_await asked.executed();
    const auto cut_short = co_await boost::asio::this_coro::cancellation_state;
    begun = cut_short.cancelled() == boost::asio::cancellation_type::none;
    auto out = read_stream(asked, process::output_stream::out, longest_report);
    auto err = read_stream(asked, process::output_stream::err, longest_complaint);
    auto texts = co_await (std::move(out) && std::move(err));
    const process::exit_reason how = co_await asked.wait();
    co_return answer{std::move(std::get<0>(texts)), std::move(std::get<1>(texts)), how};
}

// Its lines as one.
std::string one_line(std::string text) {
    const std::size_t last = text.find_last_not_of(" \n");
    text.resize(last == std::string::npos ? 0 : last + 1);
    std::ranges::replace(text, '\n', ' ');
    return telemetry::printable(text, 600);
}

core::result<preflight_report> judge(const std::string& program, const answer& got) {
    const auto* const ended = std::get_if<process::exited_with>(&got.how);
    if (ended == nullptr || ended->code != 0) {
        const core::reason how = process::describe(got.how);
        const std::string words = got.err.empty() ? std::string() : ": " + one_line(got.err);
        return core::make_failure(core::errc::refused,
                                  core::say("upgrade.refused/take-over", program, how + words));
    }
    auto report = parse_preflight(got.out);
    if (!report) {
        return core::make_failure(core::errc::invalid,
                                  core::say("upgrade.refused/take-over", program, report.error()));
    }
    return report;
}

core::failure too_late(const std::string& program, bool begun) {
    return core::make_failure(core::errc::timed_out,
                              begun ? core::say("upgrade.refused/answer", program, patience.count())
                                    : core::say("upgrade.refused/begin", program, patience.count()));
}

// The next image would open them anew, and lose what it can't: what clients have made, the lock, the socket of the
// commands.
std::optional<fs::path> closed_folder(const fs::path& state) {
    for (const fs::path& folder : {state, config::variants_folder(state)}) {
        const bool closed = ::faccessat(AT_FDCWD, folder.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0;
        if (!state.empty() && closed && errno == EACCES) {
            return folder;
        }
    }
    return std::nullopt;
}

}  // namespace

int print_preflight(const config::configuration& settings, int version_asked) {
    if (version_asked != handover_version) {
        std::cerr << "error: this program takes over in version " << handover_version
                  << " of the format, and version " << version_asked << " was asked for\n";
        return 1;
    }
    if (const auto folder = closed_folder(settings.state_directory)) {
        std::cerr << "error: " << core::say("upgrade.refused/state", *folder) << '\n';
        return 1;
    }
    json models = json::object();
    const std::vector<config::deployment> deployments = config::deployments_of(settings.models);
    for (const config::deployment& deployment : deployments) {
        for (const catalog::model_entry& here : catalog::places_of(deployment.entry)) {
            const engine::dialect_descriptor* dialect = engine::find_dialect(here.runtime.dialect);
            const bool can = dialect != nullptr && dialect->fingerprint != nullptr;
            models[catalog::label_of(here)] = can ? dialect->fingerprint(here) : std::string();
        }
    }
    const json report = {{"handover_version", handover_version},
                         {"version", version},
                         {"models", models},
                         {"blank", settings.blank},
                         {"door", write_door(config::door_rules_of(settings))}};
    std::cout << report.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    return 0;
}

core::result<preflight_report> parse_preflight(const std::string& text) {
    const auto refuse = [](core::known_wording<> why) {
        return core::make_failure(core::errc::invalid, core::say(why));
    };
    constexpr int deepest = 4;
    const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= deepest; };
    const json tree = text.size() < longest_report ? json::parse(text, shallow, false) : json();
    if (!tree.is_object() || !tree.contains("handover_version") || !tree.contains("models") ||
        !tree.contains("version")) {
        return refuse("upgrade.refused/other-answer");
    }
    if (tree["handover_version"] != handover_version) {
        return refuse("upgrade.refused/other-format");
    }
    const json& models = tree["models"];
    if (!models.is_object() || models.size() > most_models || !tree["version"].is_string()) {
        return refuse("upgrade.refused/other-answer");
    }
    preflight_report out;
    out.blank = tree.value("blank", json(false)) == true;
    if (tree.contains("door")) {
        out.door = read_door(tree["door"]);
        if (!out.door) {
            return refuse("upgrade.refused/other-answer");
        }
    }
    out.version = telemetry::printable(tree["version"].get<std::string>(), 40);
    for (const auto& [name, fingerprint] : models.items()) {
        if (!fingerprint.is_string()) {
            return refuse("upgrade.refused/other-answer");
        }
        out.fingerprints[name] = fingerprint.get<std::string>();
    }
    return out;
}

core::awaitable<core::result<preflight_report>> ask_next_image(core::executor on, launch_facts how,
                                                               std::string program, process::warden& guard,
                                                               core::disk_work& disk) {
    process::spawn_spec what;
    what.command = {program, "preflight", "--handover-version", std::to_string(handover_version)};
    what.command.insert(what.command.end(), how.options.begin(), how.options.end());
    what.environment = environment_for_next_image();
    what.environment[process::warden::token_name()] = guard.token();
    std::function<program_fault()> work = [what] { return process::check_program(what); };
    const auto until = core::deadline::after(patience, std::chrono::steady_clock::now());
    auto looking = disk.run("upgrade", std::move(work), until);
    const core::result<program_fault> fault = co_await std::move(looking);
    if (!fault || *fault) {
        core::reason why;
        if (fault) {
            why = (*fault)->message;
        } else {
            why = core::say("upgrade.refused/looked-at", program, fault.error().message);
        }
        co_return core::make_failure(core::errc::refused, std::move(why));
    }
    auto started = process::child::spawn(on, what);
    if (!started) {
        co_return started.error();
    }
    process::child asked = std::move(started.value());
    bool begun = false;
    auto listening = listen_to(asked, begun);
    auto late = core::sleep_for(patience);
    auto first = co_await (std::move(listening) || std::move(late));
    const auto killed = asked.signal_group(SIGKILL);  // also what a finished one left behind
    if (!killed) {
        telemetry::warn(killed.error().message, "upgrade: {}", killed.error().message);
    }
    if (first.index() == 1) {
        auto ending = asked.wait();
        auto enough = core::sleep_for(longest_end);
        co_await (std::move(ending) || std::move(enough));
        co_return too_late(program, begun);
    }
    if (asked.failed_start()) {
        co_return *asked.failed_start();
    }
    co_return judge(program, std::get<0>(first));
}

}  // namespace corral::upgrade
