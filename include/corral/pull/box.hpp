#pragma once
// What kind of box this is, as far as it decides which public package runs here.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/package/machine.hpp"

namespace corral::pull {

enum class box_kind { ax650, axcl, rk3588, rk3576, ascend, cpu };

struct box_kind_name {
    box_kind kind;
    std::string_view word;   // in a catalogue
    std::string_view about;  // for people: "an AX650 board"
};
[[nodiscard]] std::span<const box_kind_name> box_kinds();
[[nodiscard]] const box_kind_name& name_of(box_kind kind);

struct box {
    std::vector<box_kind> kinds;                  // best first; `cpu` is always the last
    std::string host;                             // "aarch64", "x86_64"; empty: another
    std::optional<std::uint64_t> memory_mb;       // of the host
    std::optional<std::uint64_t> free_mb;         // of it, as the kernel says it is available
    std::optional<std::uint64_t> card_memory_mb;  // of one card, where it was given
};

// By /proc, /sys and /dev below `root`; starts nothing.
[[nodiscard]] box look_at_box(const package::machine& here, const std::filesystem::path& root = "/");

// The kind's models lie in the host's memory, and not in that of a card.
[[nodiscard]] bool is_in_host(box_kind kind);

// "an AXCL card in an aarch64 host with 8 GB".
[[nodiscard]] std::string describe(const box& of);

}  // namespace corral::pull
