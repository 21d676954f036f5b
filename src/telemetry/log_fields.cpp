#include "telemetry/log_fields.hpp"

#include <algorithm>
#include <cstdint>

namespace corral::telemetry {

namespace {

constexpr std::string_view model_mark = "model ";

// "NAME:TAG" or "NAME:TAG/SERVICE" before the first ": "; any other word is no label.
void read_label(std::string_view label, log_fields& into) {
    const auto tag = label.find(':');
    const bool plain = !label.empty() && label.front() != '/' && label.find(' ') == std::string_view::npos &&
                       label.find("://") == std::string_view::npos;
    if (!plain || tag == std::string_view::npos || tag == 0) {
        return;
    }
    const auto slash = label.find('/', tag);
    into.model = label.substr(0, slash);
    if (slash != std::string_view::npos) {
        into.service = label.substr(slash + 1);
    }
}

// The value of " NAME=" outside of quotes; the last one, for Corral puts its own at the end.
void read_pairs(std::string_view line, log_fields& into, bool about_a_request) {
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        quoted = line[at] == '"' ? !quoted : quoted;
        const bool begins = !quoted && (at == 0 || line[at - 1] == ' ');
        if (!begins) {
            continue;
        }
        const std::string_view word = line.substr(at, line.find(' ', at) - at);
        const auto value_behind = [&word](std::string_view name) {
            return word.starts_with(name) ? word.substr(name.size()) : std::string_view();
        };
        if (const auto event = value_behind("event="); !event.empty()) {
            into.event = event;
        } else if (const auto id = value_behind("id="); about_a_request && into.request.empty()) {
            into.request = id;
        }
        if (const auto model = value_behind("model="); !model.empty() && into.model.empty()) {
            into.model = model;
        }
    }
}

}  // namespace

log_fields fields_of(std::string_view line) {
    log_fields out;
    const bool about_a_request = line.starts_with("request id=");
    if (!about_a_request && !line.starts_with("model=")) {
        const std::string_view head = line.substr(0, std::min(line.find(": "), line.size()));
        if (line.starts_with(model_mark)) {
            const std::string_view name = head.substr(model_mark.size());
            out.model = name.find(' ') == std::string_view::npos ? name : std::string_view();
        } else if (head.size() < line.size()) {
            read_label(head, out);
        }
    }
    read_pairs(line, out, about_a_request);
    return out;
}

std::string journal_datagram(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
    std::string out;
    for (const auto& [name, value] : fields) {
        out += name;
        if (value.find('\n') == std::string_view::npos) {
            out.append("=").append(value);
        } else {
            out += '\n';
            const auto size = static_cast<std::uint64_t>(value.size());
            for (unsigned byte = 0; byte < sizeof size; ++byte) {
                out += static_cast<char>(size >> (8U * byte) & 0xFFU);
            }
            out += value;
        }
        out += '\n';
    }
    return out;
}

}  // namespace corral::telemetry
