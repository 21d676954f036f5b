#include "corral/package/checksum_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::package {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string hex_a(64, 'a');

std::string why_not(const std::string& text) {
    const auto read = parse_checksum_list(text);
    return read ? std::string("it is taken") : read.error().message.text();
}

TEST(checksum_list, is_what_sha256sum_writes) {
    const auto read = parse_checksum_list("# by the maker\n" + hex_a + "  model.bin\n\n" +
                                          std::string(64, 'B') + " *./layers//l 1.axmodel\r\n");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_THAT(*read, ElementsAre(listed_file{"model.bin", hex_a},
                                   listed_file{"layers/l 1.axmodel", std::string(64, 'b')}));
}

// "sha256sum * > SHA256SUMS" sums up the list too, as it was when it was begun.
TEST(checksum_list, does_not_hold_its_own_sum) {
    const auto read = parse_checksum_list(hex_a + "  ./SHA256SUMS\n" + hex_a + "  model.bin\n");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_THAT(*read, ElementsAre(listed_file{"model.bin", hex_a}));
    EXPECT_THAT(why_not(hex_a + "  SHA256SUMS\n"), HasSubstr("SHA256SUMS can't be used"));
}

TEST(checksum_list, refuses_names_that_lead_out_of_the_package) {
    EXPECT_THAT(why_not(hex_a + "  ../secret\n"), HasSubstr("line 1 is refused: '..' in a path leads out"));
    EXPECT_THAT(why_not(hex_a + "  a/../../b\n"), HasSubstr("leads out"));
    EXPECT_THAT(why_not(hex_a + "  /etc/passwd\n"), HasSubstr("absolute path"));
    EXPECT_THAT(why_not(hex_a + "  a\x01z\n"), HasSubstr("control characters"));
    EXPECT_THAT(why_not("\\" + hex_a + "  a\\nb\n"), HasSubstr("line break"));
    EXPECT_THAT(why_not(hex_a + "  ./\n"), HasSubstr("the folder itself"));
}

TEST(checksum_list, refuses_what_is_no_list_with_the_line) {
    EXPECT_THAT(why_not(hex_a + "  good\nabc  short\n"), HasSubstr("line 2 is not a SHA-256"));
    EXPECT_THAT(why_not(std::string(64, 'g') + "  x\n"), HasSubstr("line 1 is not"));
    EXPECT_THAT(why_not(hex_a + "\tx\n"), HasSubstr("line 1 is not"));
    EXPECT_THAT(why_not(hex_a + "  \n"), HasSubstr("line 1 is not"));
    EXPECT_THAT(why_not(hex_a + "  x\n" + hex_a + "  ./x\n"),
                HasSubstr("line 2 names 'x' for the second time"));
    EXPECT_THAT(why_not("<html>"), HasSubstr("line 1 is not"));
    EXPECT_THAT(why_not("# nothing\n"), HasSubstr("names no file"));
}

TEST(checksum_list, has_a_bound) {
    EXPECT_THAT(why_not(std::string(longest_checksum_list + 1, '\n')), HasSubstr("longer than"));
    std::string many;
    for (int i = 0; i <= 20'000; ++i) {
        many += hex_a + "  " + std::to_string(i) + '\n';
    }
    EXPECT_THAT(why_not(many), HasSubstr("more than 20000 files"));
}

TEST(sha256_sum, is_the_same_in_one_piece_and_in_many) {
    sha256_sum one;
    one.feed("abc");
    EXPECT_EQ(*one.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_sum pieces;
    pieces.feed("a");
    pieces.feed("");
    pieces.feed("bc");
    EXPECT_EQ(*pieces.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_FALSE(pieces.hex()) << "a sum is taken once";
}

}  // namespace
}  // namespace corral::package
