#include "corral/package/checksum_list.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <openssl/evp.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

constexpr std::size_t most_files = 20'000;  // as much as a package may have
constexpr std::size_t hex_digits = 64;

core::failure unusable_list(const core::reason& why) {
    return core::make_failure(core::errc::invalid, core::say("package.sums/unusable", why));
}

bool is_hex(char letter) {
    return core::is_digit(letter) || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'F' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

core::result<listed_file> parse_line(std::string_view line, std::size_t number) {
    if (line.front() == '\\') {
        return unusable_list(core::say("package.sums/break", number));
    }
    const bool formed = line.size() > hex_digits + 2 &&
                        std::ranges::all_of(line.substr(0, hex_digits), is_hex) && line[hex_digits] == ' ' &&
                        (line[hex_digits + 1] == ' ' || line[hex_digits + 1] == '*');
    if (!formed) {
        return unusable_list(core::say("package.sums/form", number));
    }
    auto path = tidy_name(line.substr(hex_digits + 2));
    if (!path) {
        return unusable_list(core::say("package.sums/refused", number, path.error().message));
    }
    if (*path == ".") {
        return unusable_list(core::say("package.sums/itself", number));
    }
    listed_file out{std::move(*path), std::string(line.substr(0, hex_digits))};
    std::ranges::transform(out.sha256, out.sha256.begin(), lower);
    return out;
}

}  // namespace

core::result<std::vector<listed_file>> parse_checksum_list(std::string_view text) {
    if (text.size() > longest_checksum_list) {
        return unusable_list(core::say("package.sums/long"));
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
            return unusable_list(core::say("package.sums/twice", number, shown(one->path)));
        }
        if (out.size() == most_files) {
            return unusable_list(core::say("package.sums/many", most_files));
        }
        out.push_back(std::move(*one));
    }
    if (out.empty()) {
        return unusable_list(core::say("package.sums/none"));
    }
    return out;
}

void sha256_sum::closer::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

sha256_sum::sha256_sum()
    : context_(EVP_MD_CTX_new()),
      good_(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1) {}

void sha256_sum::feed(std::string_view bytes) noexcept {
    good_ = good_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

core::result<std::string> sha256_sum::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (!good_ || EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1) {
        return core::make_failure(core::errc::internal, core::say("runtime.files-silent/sha-available"));
    }
    good_ = false;
    return core::hex_text(digest.data(), length);
}

}  // namespace corral::package
