#pragma once
// What a file is, from its first bytes; what failed downloads leave in the place of one
// (docs/facts/vendor_ax.md#bad-files).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corral::package {

enum class file_kind {
    data,  // none of the others: what a model file usually is
    empty,
    zeros,
    elf,
    lfs_pointer,
    html,
    hub_error,  // what a hub says instead of a file: "Invalid username or password."
    json,       // begins as an object or a list
    script,     // begins with "#!"
    gguf,
    rkllm,
    safetensors,
    archive,  // zip, gzip, tar, xz, zstd, 7z
    text,
};

// Bytes that find_kind() wants to see; more is not looked at.
inline constexpr std::size_t kind_bytes = 4096;

// `head`: the first kind_bytes of a file, or all of it; `name` decides where the content says nothing.
[[nodiscard]] file_kind find_kind(std::string_view head, std::string_view name);

// "a web page", "a git-LFS pointer": what a person would call it.
[[nodiscard]] const char* kind_words(file_kind kind) noexcept;

// version https://git-lfs.github.com/spec/v1, oid, size.
struct lfs_pointer {
    std::uint64_t size = 0;  // of the real file
};
// Nothing when it is none. A pointer without readable size has 0.
[[nodiscard]] std::optional<lfs_pointer> parse_lfs_pointer(std::string_view head);

// "5.1 GB", "777.9 MB", "132 bytes".
[[nodiscard]] std::string size_words(std::uint64_t bytes);

}  // namespace corral::package
