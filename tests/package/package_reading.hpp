#pragma once
// Packages as the reader finds them, and what it says, for its tests.

#include "corral/package/package_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "corral/catalog/profile_reader.hpp"

namespace corral::tests {

using words = std::vector<std::string>;

inline package::machine machine_of(std::uint16_t elf, bool board) {
    package::machine out;
    out.elf_machine = elf;
    out.is_board = board;
    return out;
}

inline const package::machine raspberry_pi = machine_of(183, false);
inline const package::machine pc = machine_of(62, false);
inline const package::machine board = machine_of(183, true);

inline const catalog::profile& axera_poll() {
    static const auto reading =
        catalog::read_profile(std::string(CORRAL_SOURCE_DIR) + "/vendor/axera-poll/profile.toml");
    EXPECT_TRUE(reading.value);
    return *reading.value;
}

// Whatever it says is whole, and one line.
inline package::reading read(const std::filesystem::path& folder, const package::machine& here = raspberry_pi,
                             package::read_options how = {}) {
    how.profiles = [](const std::string& name) { return name == "axera-poll" ? &axera_poll() : nullptr; };
    package::reading found = package::read_package(folder, here, how);
    for (const auto& one : found.findings) {
        const std::string text = one.what + one.why + one.fix;
        EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
            << one.id << " is not one line: " << text;
        EXPECT_FALSE(one.what.empty() || one.fix.empty()) << one.id;
    }
    return found;
}

inline words ids(const package::reading& of, catalog::severity level = catalog::severity::error) {
    words out;
    for (const auto& one : of.findings) {
        if (one.level == level) {
            out.push_back(one.id);
        }
    }
    return out;
}

inline std::string all_text(const package::reading& of) {
    std::string out;
    for (const auto& one : of.findings) {
        out += one.id + ": " + one.what + " | " + one.why + " | " + one.fix + "\n";
    }
    for (const auto& note : of.notes) {
        out += "note: " + note + "\n";
    }
    return out;
}

}  // namespace corral::tests
