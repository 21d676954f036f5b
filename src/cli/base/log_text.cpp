#include "cli/base/log_text.hpp"

#include <array>
#include <cctype>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest = 8192;

// The same name always in the same colour.
colour colour_of(const std::string& name) {
    constexpr std::array<colour, 5> all{colour::cyan, colour::green, colour::magenta, colour::blue,
                                        colour::yellow};
    std::uint32_t mixed = 2166136261U;
    for (const char c : name) {
        mixed = (mixed ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    return all[mixed % all.size()];
}

const json& member(const json& object, const char* name) {
    static const json none;
    const json* found = core::member(object, name);
    return found == nullptr ? none : *found;
}

std::string text(const json& object, const char* name) {
    return reported_text(object, name, 1200);
}

long long count(const json& object, const char* name) {
    return core::number_at<long long>(object, name).value_or(0);
}

// "2026-11-20T14:21:30.123Z" as "2026-11-20 15:21:30 +0100", of this machine's zone.
std::string day_and_time(const std::string& stamp) {
    std::string out = local_time(stamp);
    const auto dot = out.find('.');
    const auto offset = out.rfind(' ');
    return dot == std::string::npos || offset == std::string::npos || offset < dot
               ? out
               : out.substr(0, dot) + out.substr(offset);
}

std::string clock_time(const std::string& stamp) {
    constexpr std::size_t behind_day = 11;
    const std::string out = local_time(stamp);
    return out.size() > behind_day ? out.substr(behind_day) : out;
}

std::string seconds(double milliseconds) {
    return fmt::format("{:.2f} s", milliseconds / 1000.0);
}

std::string process(const json& object) {
    const auto pid = count(object, "pid");
    return pid == 0 ? std::string() : fmt::format(" (process {})", pid);
}

std::string head(const json& bundle) {
    const json& trigger = member(bundle, "trigger");
    std::string out = count(bundle, "schema") > telemetry::crash_schema
                          ? "a newer version of Corral wrote this; what it calls otherwise is missing here\n"
                          : "";
    out += fmt::format("{}  {}  {}\n", day_and_time(text(bundle, "time")), text(bundle, "model"),
                       text(bundle, "kind"));
    out += fmt::format("  {}{}, {}: {}\n", text(trigger, "service"), process(trigger), text(trigger, "state"),
                       text(trigger, "sentence"));
    if (const std::string more = text(trigger, "ended"); !more.empty()) {
        out += "  how it ended: " + more + "\n";
    }
    if (const std::string advice = text(trigger, "advice"); !advice.empty()) {
        out += "  what to do: " + advice + "\n";
    }
    if (count(bundle, "troubles") > 1) {
        out += fmt::format("  {} things went wrong together; the history shows which\n",
                           count(bundle, "troubles"));
    }
    if (const auto missing = count(bundle, "incidents_not_kept_before"); missing > 0) {
        out += fmt::format(
            "  {} incidents before it were not kept: they were more of the same, or too many\n", missing);
    }
    return out;
}

// What led to it stands one line above; the causes of one line side by side.
std::string brief_reason(const json& object) {
    const json& ids = member(object, "ids");
    const bool again = ids.is_array() && !ids.empty() && ids.front() == "service.loading-again";
    return again ? "loading again" : text(object, "reason");
}

std::string history(const json& bundle) {
    std::string out = "\nWhat happened\n";
    for (const json& each : member(bundle, "history")) {
        const std::string from = text(each, "from");
        const std::string to = text(each, "to");
        const std::string failure = text(each, "failure");
        out += fmt::format("  {} {}{}  {}{}{}: {}\n", clock_time(text(each, "time")), text(each, "service"),
                           process(each), from, from == to ? "" : " -> " + to,
                           failure.empty() ? "" : " [" + failure + "]", brief_reason(each));
    }
    return out;
}

std::string cached_part(const json& object) {
    const double cached = reported_amount(object, "cached_tokens");
    return cached > 0 ? fmt::format(" ({:.0f} cached)", cached) : std::string();
}

std::string request(const json& object) {
    std::string out =
        fmt::format("  {}  {}: {} bytes in {} messages, {} prompt tokens{}, {} tokens in {} pieces, try {}\n",
                    text(object, "id"), text(object, "outcome"), count(object, "prompt_bytes"),
                    count(object, "messages"), count(object, "prompt_tokens"), cached_part(object),
                    count(object, "tokens"), count(object, "pieces"), count(object, "tries"));
    out += fmt::format(
        "    queue {}, reset {}, prefill {}, decode {}, longest gap {}",
        seconds(reported_amount(object, "queue_ms")), seconds(reported_amount(object, "reset_ms")),
        seconds(reported_amount(object, "prefill_ms")), seconds(reported_amount(object, "decode_ms")),
        seconds(reported_amount(object, "longest_gap_ms")));
    for (const auto& [field, word] :
         {std::pair{"tokenise_ms", "tokenising"}, std::pair{"detokenise_ms", "detokenising"},
          std::pair{"delivery_ms", "waiting for the client"}}) {
        if (member(object, field).is_number()) {
            out += fmt::format(", {} {}", word, seconds(reported_amount(object, field)));
        }
    }
    if (member(object, "silent_for_ms").is_number()) {
        out += ", silent for " + seconds(reported_amount(object, "silent_for_ms"));
    }
    out += "\n";
    if (const std::string why = text(object, "why"); !why.empty()) {
        out += "    " + why + "\n";
    }
    return out;
}

std::string requests(const json& bundle) {
    const json& all = member(bundle, "requests");
    std::string out;
    for (const auto& [name, title] : {std::pair{"inside", "Requests that ran when it happened"},
                                      std::pair{"finished", "Requests that had ended, oldest first"}}) {
        const json& some = member(all, name);
        out += fmt::format("\n{}{}\n", title, some.empty() ? ": none" : "");
        for (const json& each : some) {
            out += request(each);
        }
    }
    return out;
}

std::string services(const json& bundle) {
    std::string out;
    for (const json& each : member(bundle, "services")) {
        out +=
            fmt::format("\nService {}{}: {}, {}; started {}\n", text(each, "name"), process(each),
                        text(each, "state"), brief_reason(each),
                        count(each, "starts") == 1 ? "once" : fmt::format("{} times", count(each, "starts")));
        if (const std::string warning = text(each, "warning"); !warning.empty()) {
            out += "  warning: " + warning + "\n";
        }
        for (const json& line : member(each, "lines")) {
            if (line.is_string()) {
                out += "  | " + telemetry::printable(line.get_ref<const std::string&>(), 400) + "\n";
            }
        }
    }
    return out;
}

// A tree as indented lines, for parts whose shape others decide.
std::string plain(const char* title, const json& tree) {
    if (tree.is_null()) {
        return {};
    }
    std::string out = fmt::format("\n{}\n", title);
    for (const auto& [name, value] : tree.items()) {
        std::string shown = value.is_string() ? value.get<std::string>()
                                              : value.dump(-1, ' ', false, json::error_handler_t::replace);
        out += fmt::format("  {}: {}\n", telemetry::printable(name), telemetry::printable(shown, 1000));
    }
    return out;
}

}  // namespace

std::string log_path(const std::string& target, std::int64_t lines, bool follow) {
    std::string out = fmt::format("/corral/v1/logs/stream?lines={}&follow={:d}&service=", lines, follow);
    for (const char each : target) {
        const auto byte = static_cast<unsigned char>(each);
        out += std::isalnum(byte) != 0 ? std::string(1, each) : fmt::format("%{:02X}", byte);
    }
    return out;
}

std::optional<json> log_line_of(std::string_view event, json data) {
    if (!data.is_object() || (event != "line" && event != "lost")) {
        return std::nullopt;
    }
    if (event == "lost") {
        data["lost"] = data.value("lines", json(0));
        data.erase("lines");
    }
    return std::make_optional(std::move(data));
}

std::string local_time(const std::string& stamp) {
    std::tm parts{};
    const char* const rest = ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) {
        return stamp;
    }
    const std::time_t when = ::timegm(&parts);
    std::string fraction = rest;
    if (fraction.ends_with('Z')) {
        fraction.pop_back();
    }
    std::tm here{};
    if (::localtime_r(&when, &here) == nullptr) {
        return stamp;
    }
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &here);
    std::array<char, 8> offset{};
    std::strftime(offset.data(), offset.size(), " %z", &here);
    return text.data() + fraction + offset.data();
}

std::string routine_text(const json& object) {
    const double count = reported_amount(object, "count");
    return fmt::format("({:.0f} routine {} of {}/{} {} counted, and not shown)\n", count,
                       count == 1.0 ? "line" : "lines", reported_text(object, "model"),
                       reported_text(object, "service"), count == 1.0 ? "was" : "were");
}

std::string log_line_text(const json& line, const text_style& style) {
    const std::string model = reported_text(line, "model", longest);
    const std::string service = reported_text(line, "service", longest);
    const std::string name = model.empty() ? service : model + "/" + service;
    const std::string stamp = reported_text(line, "time", longest);
    std::string text = reported_text(line, "text", longest);
    const auto lost = line.find("lost");
    if (lost != line.end() && lost->is_number_unsigned()) {
        text = painted(
            fmt::format("({} lines were overwritten before they could be read)", lost->get<std::uint64_t>()),
            colour::faint, style);
    }
    return fmt::format(
        "{}  {}  {}\n",
        painted(stamp.empty() ? "(before the upgrade)         " : local_time(stamp), colour::faint, style),
        painted(name, colour_of(name), style), text);
}

std::string list_text(const json& summaries) {
    std::string out;
    std::size_t place = 0;
    for (const json& each : summaries) {
        out += fmt::format("{:>3}  {}  {}  {}  {}: {}\n", ++place, day_and_time(text(each, "time")),
                           text(each, "model"), text(each, "kind"), text(each, "service"),
                           text(each, "sentence"));
    }
    return out;
}

std::string bundle_text(const json& bundle) {
    return head(bundle) + history(bundle) + requests(bundle) + services(bundle) +
           plain("Device", member(bundle, "device")) + plain("Machine", member(bundle, "system"));
}

}  // namespace corral::cli
