#include "corral/config/configuration_pull.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "corral/catalog/toml_section.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

constexpr std::uint64_t slowest = 16 * 1024;  // a second; below, servers take the reader for gone

std::optional<double> unit_of(std::string_view word) {
    static constexpr std::array<std::pair<std::string_view, double>, 14> units{{{"", 1},
                                                                                {"B", 1},
                                                                                {"K", 1e3},
                                                                                {"KB", 1e3},
                                                                                {"KIB", 1024.0},
                                                                                {"M", 1e6},
                                                                                {"MB", 1e6},
                                                                                {"MIB", 1048576.0},
                                                                                {"G", 1e9},
                                                                                {"GB", 1e9},
                                                                                {"GIB", 1073741824.0},
                                                                                {"T", 1e12},
                                                                                {"TB", 1e12},
                                                                                {"TIB", 1099511627776.0}}};
    for (const auto& [name, factor] : units) {
        if (core::equal_ignoring_case(name, word)) {
            return factor;
        }
    }
    return std::nullopt;
}

void read_size(catalog::section& table, std::string_view key, std::uint64_t& to, std::uint64_t least) {
    std::string text = std::to_string(to);
    table.text_or_number(key, text);
    if (text.empty()) {
        return;
    }
    const auto value = parse_bytes(text);
    if (!value) {
        table.complain(table.place(key), core::say("configuration.out-of-range/size", text));
    } else if (*value != 0 && *value < least) {
        table.complain(table.place(key), core::say("configuration.out-of-range/none", key, least));
    } else {
        to = *value;
    }
}

void read_endpoint(catalog::section& table, std::string& to) {
    std::string text;
    table.text("endpoint", text);
    if (text.empty()) {
        return;
    }
    std::string good = hub_endpoint(text);
    if (good.empty()) {
        table.complain(table.place("endpoint"), core::say("configuration.out-of-range/hub", text));
    } else {
        to = std::move(good);
    }
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    text = core::trimmed(text, " \t");
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || number < 0) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto factor = unit_of(core::trimmed(text, " \t"));
    constexpr double most = 9.0e18;
    if (!factor || number * *factor > most) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(std::llround(number * *factor));
}

std::string hub_endpoint(std::string_view text) {
    constexpr std::size_t longest = 512;
    text = core::trimmed(text, " \t\r\n\"'");
    const bool known = text.starts_with("https://") || text.starts_with("http://");
    const std::size_t begin = known ? text.find("://") + 3 : text.size();
    if (!known || text.size() > longest || begin == text.size() || text[begin] == '/' ||
        text.find_first_of(" \t\r\n\"'<>\\?#@") != std::string_view::npos) {
        return {};
    }
    for (const char each : text) {
        if (each < 0x21 || each > 0x7e) {
            return {};
        }
    }
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return std::string(text);
}

void read_pull(catalog::section& root, const std::map<std::string, std::string>& environment,
               const std::filesystem::path& base, catalog::issue_list& warnings, pull_settings& to) {
    if (auto from = root.table("pull")) {
        std::string folder;
        from->text("directory", folder);
        if (!folder.empty()) {
            to.directory = (base / folder).lexically_normal();
        }
        from->flag("from_clients", to.from_clients);
        from->texts("owners", to.owners);
        read_endpoint(*from, to.endpoint);
        std::string token;
        from->text("token_file", token);
        if (!token.empty()) {
            to.token_file = (base / token).lexically_normal();
        }
        read_size(*from, "speed_limit", to.speed_limit, slowest);
        read_size(*from, "quota", to.quota, 1);
        constexpr std::int64_t most_files = 16;
        from->integer("parallel", to.parallel, 1, most_files);
        from->finish();
    }
    const auto mirror = environment.find("HF_ENDPOINT");
    if (mirror != environment.end()) {
        if (std::string good = hub_endpoint(mirror->second); !good.empty()) {
            to.endpoint = std::move(good);
        } else if (!mirror->second.empty()) {
            warnings.add(root.place("pull"), core::say("configuration.environment/hub"));
        }
    }
}

}  // namespace corral::config
