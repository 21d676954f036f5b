#include "pull/work_place.hpp"

#include <algorithm>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using nlohmann::json;

constexpr int version = 1;
constexpr std::size_t most_etags = 10'000;
constexpr std::size_t longest_etag = 256;

// What may stand in a field of a request.
bool is_etag(const std::string& text) {
    return !text.empty() && text.size() <= longest_etag &&
           std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_checksum(const std::string& text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return core::hex_value(c) >= 0; });
}

}  // namespace

std::string journal_text(const journal& of) {
    json out{{"version", version}, {"source", of.source}, {"commit", of.commit}, {"etags", json::object()}};
    for (const auto& [checksum, etag] : of.etags) {
        out["etags"][checksum] = etag;
    }
    return out.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

journal parse_journal(std::string_view text) {
    const json read = core::parse_json(text);
    if (!read.is_object() || read.value("version", json()) != version) {
        return {};
    }
    journal out{core::text_at(read, "source"), core::text_at(read, "commit"), {}};
    const auto etags = read.find("etags");
    if (etags == read.end() || !etags->is_object() || etags->size() > most_etags) {
        return out;
    }
    for (const auto& [checksum, value] : etags->items()) {
        std::string etag = value.is_string() ? value.get<std::string>() : std::string();
        if (is_checksum(checksum) && is_etag(etag)) {
            out.etags.emplace(checksum, std::move(etag));
        }
    }
    return out;
}

}  // namespace corral::pull
