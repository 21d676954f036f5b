#pragma once
// Checksums of files: a list of them as sha256sum(1) writes it, and the SHA-256 of bytes that come in pieces.

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

struct evp_md_ctx_st;

namespace corral::package {

// A list of checksums as sha256sum(1) writes it: 64 hex digits, a space, ' ' or '*', and the name of a file.

inline constexpr std::string_view checksum_list_name = "SHA256SUMS";
inline constexpr std::size_t longest_checksum_list = std::size_t{8} * 1024 * 1024;
// Of the files with its signatures, behind its name.
inline constexpr std::array<std::string_view, 4> signature_endings{".asc", ".sig", ".gpg", ".minisig"};
// Corral's own record of a pull, in the package's folder.
inline constexpr std::string_view pull_record_name = ".corral-pull.json";

struct listed_file {
    std::string path;    // tidy (package_tree.hpp): inside the package, in one form
    std::string sha256;  // 64 lower-case hex digits
    friend bool operator==(const listed_file&, const listed_file&) = default;
};

// In the order of the list. Empty lines, lines that begin with '#' and one for the list itself don't count. Fails
// (errc::invalid) with the number of the line on anything else: a name that is absolute, has ".." or control characters,
// or stands there twice; a line in sha256sum's escaped form, which is for names with a line break; more than 20,000
// files; a list without a file or longer than longest_checksum_list.
[[nodiscard]] core::result<std::vector<listed_file>> parse_checksum_list(std::string_view text);

// The SHA-256 of bytes that come in pieces.
class sha256_sum {
public:
    sha256_sum();

    void feed(std::string_view bytes) noexcept;

    // 64 lower-case hex digits; once. Fails (errc::internal) where the library does.
    [[nodiscard]] core::result<std::string> hex();

private:
    struct closer {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, closer> context_;
    bool good_ = false;
};

}  // namespace corral::package
