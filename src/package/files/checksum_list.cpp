#include "corral/package/checksum_list.hpp"

#include <algorithm>
#include <set>

#include "corral/core/text.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

constexpr std::size_t most_files = 20'000;  // as much as a package may have
constexpr std::size_t hex_digits = 64;

core::failure unusable_list(const std::string& why) {
    return core::make_failure(core::errc::invalid, "SHA256SUMS can't be used: " + why);
}

core::failure wrong_line(std::size_t number, const std::string& why) {
    return unusable_list("line " + std::to_string(number) + " " + why);
}

bool is_hex(char letter) {
    return core::is_digit(letter) || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'F' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

core::result<listed_file> parse_line(std::string_view line, std::size_t number) {
    if (line.front() == '\\') {
        return wrong_line(number, "names a file with a line break or a backslash in its name");
    }
    const bool formed = line.size() > hex_digits + 2 &&
                        std::ranges::all_of(line.substr(0, hex_digits), is_hex) && line[hex_digits] == ' ' &&
                        (line[hex_digits + 1] == ' ' || line[hex_digits + 1] == '*');
    if (!formed) {
        return wrong_line(number, "is not a SHA-256 and a name, as sha256sum writes them");
    }
    auto path = tidy_name(line.substr(hex_digits + 2));
    if (!path) {
        return wrong_line(number, "is refused: " + path.error().message);
    }
    if (*path == ".") {
        return wrong_line(number, "names the folder itself");
    }
    listed_file out{std::move(*path), std::string(line.substr(0, hex_digits))};
    std::ranges::transform(out.sha256, out.sha256.begin(), lower);
    return out;
}

}  // namespace

core::result<std::vector<listed_file>> parse_checksum_list(std::string_view text) {
    if (text.size() > longest_checksum_list) {
        return unusable_list("it is longer than a list of checksums may be");
    }
    std::vector<listed_file> out;
    std::set<std::string, std::less<>> names;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.front() == '#') {
            continue;
        }
        auto one = parse_line(line, number);
        if (!one) {
            return one.error();
        }
        if (one->path == checksum_list_name) {
            continue;  // of the moment when it was begun: no list holds its own sum
        }
        if (!names.insert(one->path).second) {
            return wrong_line(number, "names '" + shown(one->path) + "' for the second time");
        }
        if (out.size() == most_files) {
            return unusable_list("it names more than " + std::to_string(most_files) + " files");
        }
        out.push_back(std::move(*one));
    }
    if (out.empty()) {
        return unusable_list("it names no file");
    }
    return out;
}

}  // namespace corral::package
