#include "corral/core/hex.hpp"

#include <array>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

using three = std::array<std::uint8_t, 3>;

TEST(hex, bytes_come_back_as_they_were) {
    const three bytes{0x00, 0x7f, 0xfe};
    EXPECT_EQ(hex_text(bytes.data(), bytes.size()), "007ffe");
    EXPECT_EQ(hex_bytes<three>("007ffe"), bytes);
    EXPECT_EQ(hex_bytes<three>("007FFE"), bytes);
}

TEST(hex, of_another_length_or_with_a_foreign_letter_is_nothing) {
    for (const char* text : {"", "007ff", "007ffe0", "007ffe00", "007ffg", "0x7ffe", " 07ffe"}) {
        EXPECT_FALSE(hex_bytes<three>(text)) << text;
    }
}

}  // namespace
}  // namespace corral::core
