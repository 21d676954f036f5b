#include "log_cursor.hpp"

#include <algorithm>
#include <utility>

namespace corral::daemon {

namespace {

constexpr std::size_t most_at_once = 400;  // of all sources
constexpr std::size_t most_of_one = 100;

// Within a source the order stays, whatever the wall clock did.
void sort_by_time(std::vector<log_line>& lines) {
    std::ranges::stable_sort(lines, [](const log_line& a, const log_line& b) { return a.when < b.when; });
}

log_line line_of(const log_source& from, telemetry::kept_line kept) {
    return {from.model, from.service, 0, kept.when, std::move(kept.text)};
}

}  // namespace

std::vector<log_line> log_cursor::last(const std::vector<log_source>& sources, std::size_t most) {
    std::vector<log_line> out;
    const auto keep_last = [&] {
        sort_by_time(out);
        if (out.size() > most) {
            out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(most));
        }
    };
    for (const log_source& source : sources) {
        // A ring's place is known only by reading it.
        const ring_part now = source.read(0, 0);
        // Our own log may grow between both looks; what came then is read later.
        places_[now.ring] = now.end;
        const ring_part part = source.read(now.end - std::min<std::uint64_t>(now.end, most), most);
        for (const telemetry::kept_line& kept : part.lines) {
            if (kept.number < now.end) {
                out.push_back(line_of(source, kept));
            }
        }
        // However many sources there are, not much more than what is wanted is held.
        if (out.size() > most + most_at_once) {
            keep_last();
        }
    }
    keep_last();
    return out;
}

void log_cursor::read_one(const log_source& from, std::size_t room, std::vector<log_line>& out,
                          std::map<std::uint64_t, std::uint64_t>& places) {
    const std::uint64_t ring = from.read(0, 0).ring;
    const auto known = places_.find(ring);
    const std::uint64_t next = known == places_.end() ? 0 : known->second;
    ring_part part = from.read(next, std::min(room, most_of_one));
    places[ring] = next;
    if (part.lines.empty()) {
        return;
    }
    if (const std::uint64_t first = part.lines.front().number; first > next) {
        out.push_back({from.model, from.service, first - next, part.lines.front().when, {}});
    }
    places[ring] = part.lines.back().number + 1;
    for (telemetry::kept_line& kept : part.lines) {
        out.push_back(line_of(from, std::move(kept)));
    }
}

std::vector<log_line> log_cursor::next(const std::vector<log_source>& sources) {
    std::vector<log_line> out;
    std::map<std::uint64_t, std::uint64_t> places;  // of rings that are gone none is kept
    for (const log_source& source : sources) {
        read_one(source, most_at_once - std::min(out.size(), most_at_once), out, places);
    }
    places_ = std::move(places);
    sort_by_time(out);
    return out;
}

}  // namespace corral::daemon
