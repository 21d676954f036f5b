#include "pull_progress.hpp"

#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"

namespace corral::daemon {

namespace {

constexpr core::milliseconds between{250};
constexpr std::size_t most_statuses = 1000;  // beyond it the last one stands for all further ones
constexpr core::json_limits limits{4, 4096};

}  // namespace

void pull_progress::add(std::string_view line) {
    const auto read = core::parse_json(line, limits);
    if (!read.is_object()) {
        return;
    }
    if (std::string error = core::text_at(read, "error"); !error.empty()) {
        error_ = std::move(error);
        return;
    }
    std::string status = core::text_at(read, "status");
    if (status == "success") {
        succeeded_ = true;  // reported when the command has ended well
        return;
    }
    if (status.empty()) {
        return;
    }
    if (entries_.empty() || (entries_.back().status != status && entries_.size() < most_statuses)) {
        entries_.push_back({std::move(status), std::string(line), 1});
    } else if (entries_.back().line != line) {
        entries_.back().status = std::move(status);
        entries_.back().line = line;
        ++entries_.back().version;
    }
}

pull_progress::step pull_progress::next(place& reader, core::steady_time now, bool over) const {
    while (reader.at < entries_.size()) {
        const entry& here = entries_[reader.at];
        const bool last = reader.at + 1 == entries_.size();
        if (reader.seen != here.version) {
            const core::steady_time due = core::later(reader.sent, between);
            if (reader.seen != 0 && last && !over && now < due) {
                return {std::nullopt, due};
            }
            reader.seen = here.version;
            reader.sent = now;
            return {here.line, std::nullopt};
        }
        if (last) {
            break;
        }
        ++reader.at;
        reader.seen = 0;
    }
    return {};
}

}  // namespace corral::daemon
