#include "cli/trouble/support_file.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/utsname.h>

#include "cli/base/command_source.hpp"
#include "cli/base/log_text.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/trouble/doctor_examination.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/without_secrets.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/files.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

std::string part_size(std::size_t bytes) {
    constexpr std::size_t unit = 1024;
    return bytes < unit ? fmt::format("{} bytes", bytes) : fmt::format("{} KiB", (bytes + unit / 2) / unit);
}

namespace fs = std::filesystem;

// Together below 5 MB.
constexpr std::size_t most_configuration = 400'000;
constexpr std::size_t most_status = 400'000;
constexpr std::size_t most_findings = 200'000;
constexpr std::size_t most_bundle = 450'000;
constexpr std::size_t most_bundles = 5;
constexpr std::size_t most_log = 800'000;
constexpr std::size_t most_manifests = 100;
constexpr std::size_t log_lines = 3000;
constexpr core::seconds patience{10};

constexpr std::string_view content_left_out =
    "left out: with 'log_content = true' it may hold prompts and answers; 'corral support --content' "
    "includes it";

std::string json_text(const json& object) {
    return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// A file of /proc or the like, as one line; empty where there is none.
std::string line_of(const fs::path& file) {
    const auto read = core::read_private_file(file);
    std::string out = read ? read->text : std::string();
    std::erase(out, '\0');
    return std::string(core::trimmed(std::string_view(out).substr(0, out.find('\n'))));
}

std::string lines_with(const fs::path& file, const std::vector<std::string_view>& keys) {
    const auto read = core::read_private_file(file);
    std::string out;
    for (const std::string_view line : core::split(read ? std::string_view(read->text) : "", '\n')) {
        for (const std::string_view key : keys) {
            out += line.starts_with(key) ? fmt::format("{}\n", line) : "";
        }
    }
    return out;
}

support_part machine() {
    support_part out{"machine", "versions, system and memory", {}};
    out.text = fmt::format("corral {}\n", version);
    utsname kernel{};
    if (::uname(&kernel) == 0) {
        out.text += fmt::format("kernel: {} {} {}\n", kernel.release, kernel.version, kernel.machine);
    }
    out.text += lines_with("/etc/os-release", {"PRETTY_NAME="});
    if (const std::string board = line_of("/proc/device-tree/model"); !board.empty()) {
        out.text += "board: " + board + "\n";
    }
    out.text += "uptime (s): " + line_of("/proc/uptime") + "\nload: " + line_of("/proc/loadavg") + "\n";
    out.text += lines_with("/proc/meminfo", {"MemTotal:", "MemAvailable:", "SwapTotal:", "SwapFree:"});
    return out;
}

std::string shown_file(const fs::path& file) {
    const auto read = core::read_private_file(file);
    if (!read) {
        return fmt::format("# {}\n# can't be read: {}\n\n", file.string(), read.error().message);
    }
    const auto shown = config::without_secrets(read->text);
    return fmt::format(
        "# {}\n{}\n", file.string(),
        shown ? *shown
              : "# is not valid TOML; 'corral check' says where. Not shown, since it may hold secrets.\n");
}

support_part configuration(const support_request& request) {
    const config::configuration_place place =
        config::find_configuration(request.place.config, request.environment);
    support_part out{"configuration", "corral.toml and the manifests; secrets and comments are left out", {}};
    std::string text = shown_file(place.file);
    std::error_code unreadable;  // no folder: no manifests
    std::size_t count = 0;
    std::vector<fs::path> manifests;
    for (fs::directory_iterator at(place.models, unreadable), end;
         !unreadable && at != end && count < most_manifests; at.increment(unreadable)) {
        if (at->path().extension() == ".toml") {
            manifests.push_back(at->path());
            ++count;
        }
    }
    std::ranges::sort(manifests);
    for (const fs::path& each : manifests) {
        text += shown_file(each);
    }
    out.text = support_text(text, most_configuration, support_cut::back);
    return out;
}

// The status of the running Corral; null: none answers.
json status_of(const support_request& request, support_part& part) {
    part = {"status", "as the running Corral reports it", {}};
    const auto reply = control::ask_daemon(sockets_of(request.place, request.environment), {}, patience);
    if (!reply) {
        part.about = "not known: " + reply.error().message;
        return {};
    }
    part.text = support_text(json_text(*reply), most_status, support_cut::back);
    return *reply;
}

support_part findings(const support_request& request) {
    support_part out{"doctor", "what 'corral doctor' finds on this box", {}};
    std::optional<std::string> socket;
    if (!request.place.socket.empty()) {
        socket = request.place.socket;
    }
    const auto gathered =
        gather_examination({std::nullopt, source_of(request.place.config, request.environment), socket});
    if (!gathered) {
        out.about = "not examined: " + gathered.error().message;
        return out;
    }
    text_style plain;
    out.text = support_text(doctor_page(doctor::examine(*gathered), plain), most_findings, support_cut::back);
    return out;
}

void add_crashes(const support_request& request, bool content, std::vector<support_part>& to) {
    const fs::path folder = crashes_of(request.place, request.environment);
    const auto names = telemetry::list_crashes(folder);
    if (!names || names->empty()) {
        to.push_back({"crashes", names ? std::string("none is kept") : names.error().message.text(), {}});
        return;
    }
    for (std::size_t i = 0; i < names->size() && i < most_bundles; ++i) {
        support_part part{"crash " + std::to_string(i + 1), (*names)[i], {}};
        const auto text = telemetry::read_crash(folder, (*names)[i]);
        json bundle = text ? json(core::parse_json(*text)) : json();
        if (!bundle.is_object()) {
            part.about += text ? ": it is damaged" : ": " + text.error().message;
        } else {
            const bool withheld = !request.content && (content || reported_flag(bundle, "log_content"));
            part.about += withheld ? "; what services printed is left out" : "";
            part.text = support_text(json_text(withheld ? without_lines(std::move(bundle)) : bundle),
                                     most_bundle, support_cut::back);
        }
        to.push_back(std::move(part));
    }
}

support_part log_of(const support_request& request, const std::string& target, support_part out) {
    std::string text;
    const auto take = [&](std::string_view event, const json& data) {
        const std::optional<json> line = log_line_of(event, data);
        text += line ? log_line_text(*line, {}) : "";
        return true;
    };
    const auto read = control::follow_daemon(sockets_of(request.place, request.environment),
                                             log_path(target, log_lines, false), patience, take);
    if (!read) {
        out.about = "not known: " + read.error().message;
    }
    out.text = support_text(text, most_log, support_cut::front);
    return out;
}

// Of the lines that services printed. The file may say by now what only the next start does.
bool may_hold_content(const json& status, const support_request& request) {
    if (!status.is_null()) {
        return reported_flag(status, "log_content");
    }
    const config::configuration_result read =
        config::load_configuration(source_of(request.place.config, request.environment));
    return !read.value || read.value->log_content;
}

}  // namespace

std::string support_text(std::string_view text, std::size_t most, support_cut cut) {
    std::string shown = telemetry::printable_page(text);
    if (shown.size() <= most) {
        return shown;
    }
    const std::string_view all = shown;
    if (cut == support_cut::back) {
        const std::size_t end = all.rfind('\n', most);
        const std::string_view kept = all.substr(0, end == std::string_view::npos ? 0 : end + 1);
        return fmt::format("{}({} more bytes are left out)\n", kept, all.size() - kept.size());
    }
    const std::size_t begin = all.find('\n', all.size() - most);
    const std::string_view kept = begin == std::string_view::npos ? "" : all.substr(begin + 1);
    return fmt::format("({} bytes before this are left out)\n{}", all.size() - kept.size(), kept);
}

std::string support_file(std::string_view title, const std::vector<support_part>& parts) {
    std::string out = fmt::format("{}\n\n{}", title, support_list(parts));
    for (const support_part& each : parts) {
        out += fmt::format("\n==== {}: {}\n", each.name, each.about);
        out += each.text;
        out += each.text.empty() || each.text.ends_with('\n') ? "" : "\n";
    }
    return out;
}

std::string support_list(const std::vector<support_part>& parts) {
    std::size_t widest = 0;
    for (const support_part& each : parts) {
        widest = std::max(widest, each.name.size());
    }
    std::string out;
    for (const support_part& each : parts) {
        out +=
            fmt::format("  {:<{}}  {:>9}  {}\n", each.name, widest, part_size(each.text.size()), each.about);
    }
    return out;
}

json without_lines(json bundle) {
    const auto services = bundle.is_object() ? bundle.find("services") : bundle.end();
    if (services != bundle.end() && services->is_array()) {
        for (json& each : *services) {
            if (each.is_object()) {
                each.erase("lines");
            }
        }
    }
    return bundle;
}

std::vector<support_part> gather_support(const support_request& request) {
    std::vector<support_part> out;
    out.push_back(findings(request));  // before any thread
    out.insert(out.begin(), machine());
    out.push_back(configuration(request));
    support_part shown;
    const json status = status_of(request, shown);
    out.push_back(std::move(shown));
    const bool content = may_hold_content(status, request);
    add_crashes(request, content, out);
    if (content && !request.content) {
        out.push_back({"log", std::string(content_left_out), {}});
        return out;
    }
    out.push_back(log_of(request, "corral", {"log", "Corral's own, the last lines", {}}));
    out.push_back(log_of(request, "", {"services", "what services printed last", {}}));
    return out;
}

}  // namespace corral::cli
