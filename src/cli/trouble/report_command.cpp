// corral report: sends the incidents that the black box has kept to the address of [report], each once. Made to be run by a
// timer (systemd/corral-report.timer); it needs no daemon.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/trouble/incident_report.hpp"
#include "corral/config/server_places.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/files.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/state_format.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::size_t most_at_once = 20;
constexpr core::seconds longest_answer{30};

struct report_options {
    daemon_place place;
    bool show = false;
    bool json = false;
};

// The last part of "https://HOST:PORT/PATH", and where that server is.
struct report_address {
    std::string url;
    server_address at;
    std::string path;
    std::string key;
};

core::result<report_address> find_address(const config::report_settings& of) {
    const bool tls = of.to.starts_with("https://");
    const std::size_t begin = of.to.find("://") + 3;
    const std::size_t slash = std::min(of.to.find('/', begin), of.to.size());
    std::string server = of.to.substr(0, slash);
    const std::string host = of.to.substr(begin, slash - begin);
    if (host.find(':', host.find(']') == std::string::npos ? 0 : host.find(']')) == std::string::npos) {
        server += tls ? ":443" : ":80";
    }
    const core::result<std::string> key = key_in(of.key_file.string());
    if (!key) {
        return key.error();
    }
    core::result<server_address> at = find_server("'to' of [report]", server);
    if (!at) {
        return at.error();
    }
    report_address out;
    out.url = of.to;
    out.at = *std::move(at);
    out.path = slash == of.to.size() ? "/" : of.to.substr(slash);
    out.key = *key;
    return out;
}

// The HTTP status of the answer.
core::result<unsigned> post(const report_address& address, const std::string& text) {
    http::stream_call call;
    call.to = address.at.at;
    call.host = address.at.host;
    call.tls = address.at.tls;
    call.body = text;
    if (!address.key.empty()) {
        call.headers.add("Authorization", "Bearer " + address.key);
    }
    control::admin_question asked;
    asked.method = "POST";
    asked.path = address.path;
    const auto reply = control::exchange_alone(std::move(call), std::move(asked), longest_answer);
    if (!reply) {
        return reply.error();
    }
    return reply->status;
}

// Whether the address took it; with the failure to tell where it did not.
core::result<report_verdict> send(const report_address& to, const std::string& text) {
    const auto status = post(to, text);
    if (!status) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("command.report/unreachable", to.url, status.error().message));
    }
    const report_verdict verdict = verdict_of(*status);
    if (verdict == report_verdict::later) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("command.report/answers", to.url, *status));
    }
    return verdict;
}

struct incident_shelf {
    fs::path folder;
    std::string box;
    std::vector<std::string> names;  // oldest first

    // Empty where the bundle can't be read.
    [[nodiscard]] std::string text_of(const std::string& name) const {
        const auto text = telemetry::read_crash(folder, name);
        const json bundle = text ? core::parse_json<json>(*text) : json();
        return bundle.is_object() ? report_text(bundle, name, box) : std::string();
    }
};

fs::path ledger_of(const fs::path& crashes) {
    return crashes.parent_path() / "reported.json";
}

// Beside the bundles' folder, and its owner's, whoever runs this.
class ledger_file {
public:
    explicit ledger_file(const fs::path& crashes) : file_(ledger_of(crashes)) {
        const auto read = core::read_private_file(file_);
        value = report_ledger::parse(read ? read->text : std::string());
        struct stat about {};
        if (::stat(file_.parent_path().c_str(), &about) == 0) {
            kept_.owner = about.st_uid;
            kept_.group = about.st_gid;
        }
    }
    [[nodiscard]] core::result<void> write() {
        kept_.text = value.text();
        return core::replace_private_file(file_, kept_);
    }

    report_ledger value;

private:
    fs::path file_;
    core::private_file kept_;
};

struct report_outcome {
    std::size_t sent = 0;
    std::size_t refused = 0;
    std::size_t left = 0;
    std::chrono::seconds wait{0};
};

int tell(const report_options& asked, const report_outcome& what, const std::string& to) {
    if (asked.json) {
        const json out = {{"ok", true},        {"to", to},
                          {"sent", what.sent}, {"refused", what.refused},
                          {"left", what.left}, {"wait_seconds", what.wait.count()}};
        std::cout << out.dump(2) << '\n';
        return succeeded;
    }
    std::cout << "sent " << what.sent << ", refused " << what.refused << ", left " << what.left << '\n';
    if (what.wait.count() > 0) {
        std::cout << to << " did not take the last one; the next try is in " << what.wait.count() << " s\n";
    }
    return succeeded;
}

int send_all(const report_options& asked, const incident_shelf& all,
             const config::report_settings& settings) {
    if (core::is_newer_format(ledger_of(all.folder), "format", report_ledger::format)) {
        return fail(core::newer_format(ledger_of(all.folder)).message);
    }
    ledger_file ledger(all.folder);
    ledger.value.keep(all.names);
    std::vector<std::string> unsent = ledger.value.unsent(all.names);
    report_outcome what;
    what.left = unsent.size();
    what.wait = ledger.value.wait(std::chrono::system_clock::now());
    if (unsent.empty() || what.wait.count() > 0) {
        return tell(asked, what, settings.to);
    }
    unsent.resize(std::min(unsent.size(), most_at_once));
    const auto to = find_address(settings);
    core::result<void> done;
    if (!to) {
        done = to.error();
    }
    for (std::size_t i = 0; done && i < unsent.size(); ++i) {
        const std::string text = all.text_of(unsent[i]);
        const auto verdict =
            text.empty() ? core::result<report_verdict>(report_verdict::refused) : send(*to, text);
        if (!verdict) {
            done = verdict.error();
            continue;
        }
        ++(*verdict == report_verdict::taken ? what.sent : what.refused);
        --what.left;
        ledger.value.settle(unsent[i]);
        done = ledger.write();  // at once: what is sent is not sent again after a power cut
        if (!asked.json) {
            std::cout << (*verdict == report_verdict::taken ? "sent: " : "refused: ") << unsent[i] << '\n';
        }
    }
    if (done) {
        return tell(asked, what, settings.to);
    }
    ledger.value.fail(std::chrono::system_clock::now());
    (void)ledger.write();
    return fail(telemetry::printable(done.error().message, 1000));
}

// What would be sent next; where that is nothing, the newest incident as it was sent.
int show(const incident_shelf& all) {
    std::vector<std::string> names = ledger_file(all.folder).value.unsent(all.names);
    if (names.empty() && !all.names.empty()) {
        std::cerr << "all is sent; the last was\n";
        names.push_back(all.names.back());
    }
    if (names.empty()) {
        std::cerr << "no incident is kept in " << all.folder.string() << '\n';
    }
    for (const std::string& name : names) {
        std::cout << all.text_of(name);
    }
    return succeeded;
}

int report(const report_options& asked, const std::map<std::string, std::string>& environment) {
    const auto read = config::load_configuration(source_of(asked.place.config, environment));
    const auto& settings = read.value ? read.value : read.draft;
    if (!settings) {
        return fail("the configuration can't be read; 'corral check' says why", bad_configuration);
    }
    incident_shelf all{crashes_of(asked.place, environment), settings->box_name, {}};
    auto names = telemetry::list_crashes(all.folder);
    if (!names) {
        return fail(names.error().message);
    }
    std::ranges::reverse(*names);
    all.names = *std::move(names);
    if (asked.show) {
        return show(all);
    }
    if (settings->report.to.empty()) {
        if (asked.json) {
            return tell(asked, {}, {});
        }
        std::cout << "nothing is sent: [report] of the configuration names no address\n";
        return succeeded;
    }
    if (all.names.empty()) {
        return tell(asked, {}, settings->report.to);
    }
    const auto alone = core::folder_lock::take(all.folder);
    return alone ? send_all(asked, all, settings->report) : fail(alone.error().message);
}

}  // namespace

void add_report_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<report_options>();
    CLI::App* one =
        program.add_subcommand("report", "Send recorded incidents to the address in [report], each once");
    one->add_flag("--show", asked->show, "Print exactly what would be sent; send nothing");
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->place);
    one->footer(
        "A report holds an incident's kind, times, states, message ids and figures: no message text, no "
        "service output, no prompts or answers. Without [report] nothing is sent.");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return report(*asked, context.environment); };
    });
}

}  // namespace corral::cli
