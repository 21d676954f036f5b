#include "cli/trouble/doctor_examination.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "cli/base/reported_fields.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/server_places.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/task_group.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/process/warden.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds daemon_patience{5};
constexpr std::size_t most_profiles = 100;

bool has_any(const control::admin_json& ids, std::initializer_list<const char*> of) {
    return std::ranges::any_of(of,
                               [&ids](const char* id) { return std::ranges::find(ids, id) != ids.end(); });
}

// True of a service that is started again because it failed: not for a person, an unwanted answer or its slowness,
// and not because another one is waited for.
bool failed_before(const control::admin_json& service) {
    const std::string state = reported_text(service, "state");
    const bool not_up = state == "waiting" || state == "starting";
    const auto& ids = core::list_at(service, "ids");
    return not_up && reported_amount(service, "starts") > 1.0 &&
           has_any(ids, {"service.loading-again", "service.ended", "service.not-in-time",
                         "service.no-progress"}) &&
           !has_any(ids, {"service.asked-to-stop", "service.renewed", "runtime.hung"});
}

std::vector<std::string> texts_in(const control::admin_json& of, const char* key) {
    std::vector<std::string> out;
    for (const control::admin_json& one : core::list_at(of, key)) {
        if (one.is_string()) {
            out.push_back(one.get<std::string>());
        }
    }
    return out;
}

doctor::served_model served_model_of(const control::admin_json& model) {
    doctor::served_model out{reported_text(model, "name"),
                             reported_text(model, "state"),
                             reported_text(model, "reason"),
                             {},
                             reported_text(model, "warning")};
    const control::admin_json compute = model.value("compute", control::admin_json::object());
    const std::string verdict = compute.is_object() ? reported_text(compute, "verdict") : std::string();
    if (out.warning.empty() && (verdict == "fallback" || verdict == "suspected")) {
        out.warning = reported_text(compute, "text");
    }
    // The first service in that state is what the model's reason is about; there the advice stands apart.
    for (const control::admin_json& service : core::list_at(model, "services")) {
        if (service.is_object() && reported_text(service, "state") == out.state) {
            if (std::string reason = reported_text(service, "reason"); !reason.empty()) {
                out.reason = std::move(reason);
            }
            out.advice = reported_text(service, "advice");
            const auto& ids = core::list_at(service, "ids");
            out.refused_by_check = std::ranges::find(ids, "runtime.finding") != ids.end();
            break;
        }
    }
    for (const control::admin_json& service : core::list_at(model, "services")) {
        if (out.state != "ready" && out.state != "broken" && service.is_object() && failed_before(service)) {
            out.starts_again = true;
            out.reason = reported_text(service, "reason");
            out.advice = reported_text(service, "advice");
            break;
        }
    }
    return out;
}

std::string taken_address(const config::configuration& of) {
    const auto address = of.listen.address();
    return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

doctor::configuration_view view_of(const config::configuration_source& source,
                                   const config::configuration_result& read) {
    doctor::configuration_view out;
    out.file = source.file;
    std::error_code unreadable;
    out.there = fs::exists(source.file, unreadable);
    out.errors = read.errors;
    out.warnings = read.warnings;
    const config::configuration* const said = read.value ? &*read.value : nullptr;
    if (said == nullptr) {
        return out;
    }
    out.known = true;
    out.address = taken_address(*said);
    out.port = said->listen.port();
    out.beyond_loopback = !said->listen.address().is_loopback();
    out.needs_key = said->keys_file.has_value();
    out.state_directory = said->state_directory;
    for (const config::left_out_manifest& one : said->left_out) {
        out.left_out.insert(out.left_out.end(), one.problems.begin(), one.problems.end());
    }
    return out;
}

// Profiles that are installed, so that a card is known before there is a model for it.
std::vector<catalog::device_template> installed_devices(const fs::path& config) {
    std::vector<catalog::device_template> out;
    for (const std::string& name :
         config::installed_profiles(config::usual_profile_folders(config.parent_path()))) {
        const auto file = config::find_profile_file(name, config.parent_path(),
                                                    config::usual_profile_folders(config.parent_path()));
        auto profile = file ? catalog::read_profile(*file) : catalog::profile_reading{};
        if (profile.value && out.size() < most_profiles) {
            out.push_back(std::move(profile.value->device));
        }
    }
    return out;
}

catalog::device_template filled(catalog::device_template device, unsigned card) {
    for (std::string& word : device.command) {
        word = engine::with_card(word, card);
    }
    device.advice = engine::with_card(device.advice, card);
    return device;
}

// The cards that a model may run on.
std::set<unsigned> cards_of(const catalog::model_entry& model) {
    std::set<unsigned> out;
    for (const catalog::card_set& card_set : model.card_sets) {
        out.insert(card_set.begin(), card_set.end());
    }
    return out.size() > 1 ? out : std::set<unsigned>{model.runtime.device.card};
}

// Every way of asking, once.
std::vector<doctor::device_view> devices_of(const std::vector<doctor::model_view>& models) {
    std::vector<doctor::device_view> out;
    for (const doctor::model_view& model : models) {
        const catalog::device_template& said = model.entry.runtime.device;
        if (!engine::can_be_asked(said)) {
            continue;
        }
        for (const unsigned card : cards_of(model.entry)) {
            const catalog::device_template here = filled(said, card);
            auto known = std::ranges::find_if(out, [&](const doctor::device_view& other) {
                return other.said == here && other.card == card;
            });
            if (known == out.end()) {
                known = out.insert(out.end(), {here, card, {}, {}});
            }
            known->models.push_back(model.entry.name);
        }
    }
    return out;
}

// Those of installed profiles that no model names, a tool once: what the box has before it has a model.
void add_unused(std::vector<doctor::device_view>& devices,
                const std::vector<catalog::device_template>& installed) {
    for (const catalog::device_template& one : installed) {
        const auto same_tool = [&one](const doctor::device_view& other) {
            return other.said.format == one.format && other.said.command == filled(one, other.card).command;
        };
        if (!engine::can_be_asked(one) || std::ranges::any_of(devices, same_tool)) {
            continue;
        }
        doctor::device_view fresh{filled(one, one.card), one.card, {}, {}};
        fresh.said.host.unsuitable_chips.clear();  // for a runtime that is not used here
        devices.push_back(std::move(fresh));
    }
}

// A tool that is missing says nothing of a device that no model needs, and a board's own files have heat and
// memory of any machine: only the load of an NPU shows that there is one.
bool is_not_here(const doctor::device_view& device) {
    if (!device.models.empty()) {
        return false;
    }
    const bool shows_load =
        device.look.problem == device::look_problem::none &&
        std::ranges::any_of(device.look.report.cards, [](const auto& card) { return card.npu.has_value(); });
    return device.look.problem == device::look_problem::tool_missing ||
           (device.said.format == "board-files" && !shows_load);
}

core::awaitable<void> look_at(doctor::device_view& device, device::reader& tool) {
    auto looking = tool.look();
    device.look = co_await std::move(looking);
}

core::result<void> ask_devices(std::vector<doctor::device_view>& devices) {
    if (devices.empty()) {
        return core::result<void>{boost::system::in_place_value};
    }
    auto guard = process::warden::start();
    if (!guard) {
        return guard.error();
    }
    boost::asio::io_context loop(1);
    core::steady_clock_source clock;
    std::string problem;
    core::task_group tasks(loop.get_executor(),
                           [&problem](const std::string&, const std::string& what) { problem = what; });
    device::reader_set tools({loop.get_executor(), &clock, &*guard});
    std::vector<std::shared_ptr<device::reader>> kept;
    for (doctor::device_view& each : devices) {
        each.look.problem = device::look_problem::tool_fails;
        each.look.message = "it was not queried";
        kept.push_back(tools.find_or_make(engine::reader_options_of(each.said, each.card)));
        tasks.spawn("device", look_at(each, *kept.back()));
    }
    loop.run();
    if (!problem.empty()) {
        return core::make_failure(core::errc::internal, core::reason::unlisted(problem));
    }
    return core::result<void>{boost::system::in_place_value};
}

bool is_of_another_user(const core::reason& why) {
    return why.id() == "command.other-user" || why.name() == "command.not-running/other-user";
}

void ask_corral(const doctor_request& asked, doctor::examination& to) {
    const std::vector<fs::path> places =
        asked.socket ? std::vector<fs::path>{*asked.socket}
                     : config::admin_socket_candidates(asked.source.file, asked.source.environment);
    const auto answer = control::ask_daemon(places, {}, daemon_patience);
    if (answer) {
        to.daemon = daemon_view_of(*answer);
    } else {
        to.daemon_problem = answer.error().message;
        to.daemon_of_another_user = is_of_another_user(answer.error().message);
    }
}

using catalog::finding;
using catalog::severity;

struct look_of {
    severity level;
    colour paint;
    const char* one;
    const char* many;
};
constexpr std::array<look_of, 3> looks{{{severity::error, colour::red, "error", "errors"},
                                        {severity::warning, colour::yellow, "warning", "warnings"},
                                        {severity::note, colour::faint, "note", "notes"}}};

std::size_t count_of(const std::vector<finding>& found, severity level) {
    return static_cast<std::size_t>(
        std::ranges::count_if(found, [level](const finding& one) { return one.level == level; }));
}

// "2 errors, 1 note"
std::string summary(const std::vector<finding>& found) {
    std::string out;
    for (const look_of& each : looks) {
        if (const std::size_t count = count_of(found, each.level); count != 0) {
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, count == 1 ? each.one : each.many);
        }
    }
    return out.empty() ? "no findings" : out;
}

std::string sentence(std::string text) {
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    }
    const bool ended = text.empty() || text.find_last_of(".!?") == text.size() - 1;
    return ended ? text : text + ".";
}

void add(std::string& page, const finding& one, const text_style& style) {
    const auto& look = *std::ranges::find(looks, one.level, &look_of::level);
    page += fmt::format("  {}  {}  {}\n", painted(fmt::format("{:<7}", look.one), look.paint, style),
                        one.what, painted("[" + one.id + "]", colour::faint, style));
    if (one.level == severity::note) {
        return;
    }
    if (!one.why.empty()) {
        page += fmt::format("          Why: {}\n", sentence(one.why));
    }
    if (!one.fix.empty()) {
        page += fmt::format("          Do:  {}\n", one.fix);
    }
}

}  // namespace

doctor::daemon_view daemon_view_of(const control::admin_json& status) {
    doctor::daemon_view out;
    out.version = reported_text(status, "version");
    if (const auto pid = status.find("pid"); pid != status.end() && pid->is_number_unsigned()) {
        out.pid = pid->get<pid_t>();
    }
    out.closed = texts_in(status, "closed");
    const control::admin_json instead = status.value("in_place", control::admin_json::object());
    if (instead.is_object()) {
        out.in_place = reported_text(instead, "served");
        out.in_place_problems = texts_in(instead, "problems");
    }
    for (const control::admin_json& manifest : reported_objects(status, "left_out")) {
        std::ranges::move(texts_in(manifest, "problems"), std::back_inserter(out.left_out));
    }
    for (const control::admin_json& model : reported_objects(status, "models")) {
        // A tier is examined once, under the name of its first place.
        std::map<double, std::string> tiers{{0.0, reported_text(model, "name")}};
        for (const control::admin_json& instance : reported_instances(model)) {
            doctor::served_model served = served_model_of(instance);
            const control::admin_json tier = instance.value("tier", control::admin_json::object());
            const double number = tier.is_object() ? reported_amount(tier, "number") : 0.0;
            served.name = tiers.emplace(number, served.name).first->second;
            out.models.push_back(std::move(served));
        }
    }
    return out;
}

namespace {

// The model, and each fallback that is run here, under the name that status has for it.
void add_views(doctor::examination& to, const catalog::model_entry& model) {
    std::vector<catalog::model_entry> tiers{model};
    for (const catalog::model_entry& fallback : model.fallbacks) {
        if (!fallback.runtime.services.empty()) {
            to.accelerators.push_back(fallback.runtime.device);
            tiers.push_back(fallback);
            tiers.back().name = catalog::label_of(catalog::entry_at(fallback, fallback.card_sets.front()));
        }
    }
    for (catalog::model_entry& tier : tiers) {
        auto view = doctor::view_of(tier);
        to.models.push_back(view ? std::move(*view) : doctor::model_view{std::move(tier), {}});
    }
}

}  // namespace

core::result<doctor::examination> gather_examination(const doctor_request& asked) {
    doctor::examination out;
    config::configuration_result read = config::load_configuration(asked.source);
    out.configuration = view_of(asked.source, read);
    const config::configuration* const said = read.value ? &*read.value : read.draft ? &*read.draft : nullptr;
    for (const catalog::model_entry& model :
         said != nullptr ? said->models : std::vector<catalog::model_entry>{}) {
        out.accelerators.push_back(model.runtime.device);
        if (asked.model && !catalog::same_model(model.name, *asked.model) &&
            std::ranges::none_of(
                model.aliases, [&](const auto& alias) { return catalog::same_model(alias, *asked.model); })) {
            continue;
        }
        add_views(out, model);
    }
    if (asked.model && out.models.empty()) {
        return core::make_failure(
            core::errc::not_found,
            no_such_model(said != nullptr ? *said : config::configuration{}, *asked.model));
    }
    const std::vector<catalog::device_template> installed = installed_devices(asked.source.file);
    out.accelerators.insert(out.accelerators.end(), installed.begin(), installed.end());
    ask_corral(asked, out);
    out.devices = devices_of(out.models);
    add_unused(out.devices, installed);
    if (const auto looked = ask_devices(out.devices); !looked) {
        return looked.error();
    }
    std::erase_if(out.devices, is_not_here);
    out.around = doctor::these_surroundings(out.daemon ? out.daemon->pid : 0);
    return out;
}

core::result<doctor::examination> gather_for_runtime(const catalog::model_entry& model) {
    doctor::examination out;
    doctor::model_view view{model, {}};
    for (const catalog::service_template& service : model.runtime.services) {
        view.services.emplace_back().rules = service;
    }
    out.models.push_back(std::move(view));
    out.accelerators.push_back(model.runtime.device);
    out.devices = devices_of(out.models);
    if (const auto looked = ask_devices(out.devices); !looked) {
        return looked.error();
    }
    out.around = doctor::these_surroundings(0);
    return out;
}

std::optional<std::uint64_t> largest_card_mb(const std::string& format, const fs::path& config) {
    std::vector<doctor::device_view> devices;
    std::vector<catalog::device_template> installed = installed_devices(config);
    std::erase_if(installed, [&](const catalog::device_template& one) { return one.format != format; });
    add_unused(devices, installed);
    std::optional<std::uint64_t> most;
    if (!ask_devices(devices)) {
        return most;
    }
    for (const doctor::device_view& device : devices) {
        for (const device::card_figures& card : device.look.report.cards) {
            if (card.model_memory) {
                most = std::max(most.value_or(0), card.model_memory->total);
            }
        }
    }
    return most;
}

int doctor_status(const std::vector<finding>& found) {
    if (count_of(found, severity::error) != 0) {
        return 2;
    }
    return count_of(found, severity::warning) != 0 ? 1 : 0;
}

std::string doctor_page(const std::vector<finding>& found, const text_style& style) {
    std::vector<std::string> subjects;
    for (const finding& one : found) {
        if (std::ranges::find(subjects, one.subject) == subjects.end()) {
            subjects.push_back(one.subject);
        }
    }
    std::string page;
    for (const std::string& subject : subjects) {
        page += painted(subject.empty() ? "this box" : subject, colour::bold, style) + "\n";
        for (const finding& one : found) {
            if (one.subject == subject) {
                add(page, one, style);
            }
        }
        page += '\n';
    }
    return page + sentence(summary(found)) + "\n";
}

nlohmann::ordered_json doctor_json(const std::vector<finding>& found) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const finding& one : found) {
        out.push_back({{"id", one.id},
                       {"severity", catalog::severity_name(one.level)},
                       {"subject", one.subject},
                       {"what", one.what},
                       {"why", one.why},
                       {"fix", one.fix}});
    }
    return out;
}

std::vector<finding> findings_of(const nlohmann::ordered_json& reported) {
    std::vector<finding> out;
    for (const nlohmann::ordered_json& one : reported) {
        if (!one.is_object()) {
            continue;
        }
        const std::string level = reported_text(one, "severity");
        finding read;
        read.id = reported_text(one, "id");
        read.level = level == "note"      ? catalog::severity::note
                     : level == "warning" ? catalog::severity::warning
                                          : catalog::severity::error;
        read.subject = reported_text(one, "subject");
        read.what = reported_text(one, "what");
        read.why = reported_text(one, "why");
        read.fix = reported_text(one, "fix");
        out.push_back(std::move(read));
    }
    return out;
}

}  // namespace corral::cli
