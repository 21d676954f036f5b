#include "pull/hub_tree.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;
using nlohmann::json;

constexpr std::size_t most_page = 10'000;  // entries; the hub itself gives 1,000

core::failure no_list(const std::string& why) {
    return make_failure(errc::protocol, core::say("pull.list/hub-list", why));
}

std::optional<std::uint64_t> size_of(const json& object) {
    const auto found = object.find("size");
    if (found == object.end() || !found->is_number_unsigned()) {
        return std::nullopt;
    }
    return found->get<std::uint64_t>();
}

// `text` as lower-case hex digits, so many; empty: it is something else.
std::string hex_of(std::string_view text, std::size_t digits) {
    const bool fits =
        text.size() == digits && std::ranges::all_of(text, [](char c) { return core::hex_value(c) >= 0; });
    return fits ? core::lower_case(text) : std::string();
}

core::result<source_file> read_entry(const json& entry) {
    constexpr std::size_t sha1_digits = 40;
    constexpr std::size_t sha256_digits = 64;
    source_file out;
    out.path = core::text_at(entry, "path");
    out.size = size_of(entry);
    if (!out.size) {
        return no_list("a file has no size");
    }
    const auto lfs = entry.find("lfs");
    if (lfs == entry.end() || lfs->is_null()) {
        out.git_blob = hex_of(core::text_at(entry, "oid"), sha1_digits);
    } else if (lfs->is_object()) {
        out.sha256 = hex_of(core::text_at(*lfs, "oid"), sha256_digits);
        out.size = size_of(*lfs);
    }
    if (!out.size || (out.sha256.empty() && out.git_blob.empty())) {
        return no_list("a file has no checksum");
    }
    return out;
}

}  // namespace

core::result<std::string> parse_commit(std::string_view text) {
    constexpr std::size_t sha1_digits = 40;
    constexpr std::size_t sha256_digits = 64;
    const json read = core::parse_json(text);
    if (!read.is_object()) {
        return no_list("it is no JSON object");
    }
    const std::string said = core::text_at(read, "sha");
    std::string commit = hex_of(said, sha1_digits);
    if (commit.empty()) {
        commit = hex_of(said, sha256_digits);
    }
    if (commit.empty()) {
        return no_list("it names no commit");
    }
    return commit;
}

core::result<std::vector<source_file>> parse_tree_page(std::string_view text) {
    const json read = core::parse_json(text);
    if (!read.is_array()) {
        return no_list("it is no JSON array");
    }
    if (read.size() > most_page) {
        return no_list("a page has more than " + std::to_string(most_page) + " entries");
    }
    std::vector<source_file> out;
    for (const json& entry : read) {
        if (!entry.is_object()) {
            return no_list("an entry is no object");
        }
        const std::string type = core::text_at(entry, "type");
        if (type == "directory") {
            continue;
        }
        if (type != "file") {
            return no_list("an entry is neither a file nor a folder");
        }
        auto one = read_entry(entry);
        if (!one) {
            return one.error();
        }
        out.push_back(std::move(*one));
    }
    return out;
}

std::string next_page(std::string_view link) {
    while (true) {
        const std::size_t begin = link.find('<');
        const std::size_t end = begin == std::string_view::npos ? begin : link.find('>', begin);
        if (end == std::string_view::npos) {
            return {};
        }
        const std::string_view address = link.substr(begin + 1, end - begin - 1);
        const std::size_t next = std::min(link.find('<', end), link.size());
        const std::string_view facts = link.substr(end + 1, next - end - 1);
        if (facts.find("rel=\"next\"") != std::string_view::npos ||
            facts.find("rel=next") != std::string_view::npos) {
            return std::string(address);
        }
        link.remove_prefix(next);
    }
}

std::string url_path(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain = "-._~/";
    std::string out;
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (core::is_letter(each) || core::is_digit(each) || plain.find(each) != std::string_view::npos) {
            out += each;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return out;
}

}  // namespace corral::pull
