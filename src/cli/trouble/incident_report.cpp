#include "cli/trouble/incident_report.hpp"

#include <algorithm>
#include <array>

#include <sys/utsname.h>

#include "cli/base/reported_fields.hpp"
#include "corral/core/json.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr int report_schema = 1;
constexpr std::size_t longest_text = std::size_t{64} * 1024;
constexpr std::size_t longest_word = 200;

// The parts of a bundle that are looked into, those that go first where the text is too long last.
constexpr std::array<std::string_view, 7> parts{"trigger", "services", "device", "system",
                                                "further", "requests", "history"};

// Members whose texts are Corral's own words, or names of the configuration.
constexpr std::array<std::string_view, 17> plain_words{
    "time", "service", "state",  "from", "to",      "event",   "ids",     "failure",       "name",
    "tool", "cpu",     "memory", "io",   "loadavg", "arrived", "outcome", "uptime_seconds"};

bool is_plain(std::string_view member) {
    return std::ranges::find(plain_words, member) != plain_words.end();
}

json plain_part(const json& object, std::string_view member) {
    if (object.is_number() || object.is_boolean()) {
        return object;
    }
    if (object.is_string()) {
        return is_plain(member) ? json(telemetry::printable(object.get<std::string>(), longest_word))
                                : json();
    }
    json out = object.is_object() ? json::object() : json::array();
    for (const auto& [name, value] : object.items()) {
        json inner = plain_part(value, object.is_object() ? std::string_view(name) : member);
        const bool empty = inner.is_null() || (inner.is_structured() && inner.empty());
        if (!empty && object.is_object()) {
            out[name] = std::move(inner);
        } else if (!empty) {
            out.push_back(std::move(inner));
        }
    }
    return out;
}

std::string machine_name() {
    utsname about{};
    return ::uname(&about) == 0 ? about.machine : "";
}

std::string dumped(const json& object) {
    return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string report_text(const json& bundle, const std::string& name, const std::string& box) {
    json out{{"schema", report_schema},
             {"box", {{"name", box}, {"corral", std::string(version)}, {"machine", machine_name()}}},
             {"name", name}};
    for (const char* const member : {"corral", "time", "model", "kind"}) {
        out["incident"][member] = telemetry::printable(reported_text(bundle, member), longest_word);
    }
    for (const std::string_view part : parts) {
        const auto found = bundle.find(part);
        if (found != bundle.end() && found->is_structured()) {
            out["incident"][std::string(part)] = plain_part(*found, part);
        }
    }
    std::string text = dumped(out);
    for (auto last = parts.rbegin(); text.size() > longest_text && last != parts.rend(); ++last) {
        out["incident"].erase(std::string(*last));
        out["shortened"] = true;
        text = dumped(out);
    }
    return text;
}

report_verdict verdict_of(unsigned http_status) {
    constexpr unsigned good = 200;
    constexpr unsigned redirected = 300;
    constexpr unsigned bad_request = 400;
    constexpr unsigned server_error = 500;
    // The address, the key or the hour are wrong, and not this incident.
    constexpr std::array<unsigned, 7> elsewhere{401, 403, 404, 405, 407, 408, 429};
    if (http_status >= good && http_status < redirected) {
        return report_verdict::taken;
    }
    const bool about_this = http_status >= bad_request && http_status < server_error &&
                            std::ranges::find(elsewhere, http_status) == elsewhere.end();
    return about_this ? report_verdict::refused : report_verdict::later;
}

report_ledger report_ledger::parse(std::string_view text) {
    report_ledger out;
    const json all = core::parse_json<json>(text);
    if (!all.is_object() || all.value("format", json()) != format) {
        return out;
    }
    for (const json& one : all.value("settled", json::array())) {
        if (one.is_string()) {
            out.settled_.insert(one.get<std::string>());
        }
    }
    constexpr double most = 1000;
    out.failures_ = static_cast<unsigned>(std::clamp(reported_amount(all, "failures"), 0.0, most));
    constexpr double latest = 8e9;  // which nanoseconds still hold
    out.next_ = time(std::chrono::seconds(
        static_cast<std::int64_t>(std::clamp(reported_amount(all, "next"), 0.0, latest))));
    return out;
}

std::string report_ledger::text() const {
    return dumped(
        {{"format", format},
         {"settled", settled_},
         {"failures", failures_},
         {"next", std::chrono::duration_cast<std::chrono::seconds>(next_.time_since_epoch()).count()}});
}

std::vector<std::string> report_ledger::unsent(const std::vector<std::string>& names) const {
    std::vector<std::string> out;
    std::ranges::copy_if(names, std::back_inserter(out),
                         [&](const std::string& one) { return !settled_.contains(one); });
    return out;
}

void report_ledger::keep(const std::vector<std::string>& names) {
    std::erase_if(settled_,
                  [&](const std::string& one) { return std::ranges::find(names, one) == names.end(); });
}

void report_ledger::settle(const std::string& name) {
    settled_.insert(name);
    failures_ = 0;
    next_ = {};
}

void report_ledger::fail(time now) {
    constexpr unsigned enough = 9;  // 2^9 minutes are more than the longest
    const auto pause =
        std::chrono::duration_cast<std::chrono::seconds>(shortest_pause) * (1 << std::min(failures_, enough));
    next_ = now + std::min<std::chrono::seconds>(pause, longest_pause);
    ++failures_;
}

std::chrono::seconds report_ledger::wait(time now) const {
    const auto left = std::chrono::ceil<std::chrono::seconds>(next_ - now);
    const bool set_back = left > longest_pause;  // the clock was, since that failure
    return set_back ? std::chrono::seconds(0) : std::max(left, std::chrono::seconds(0));
}

}  // namespace corral::cli
