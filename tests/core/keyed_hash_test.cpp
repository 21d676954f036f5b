#include "corral/core/keyed_hash.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

// Of the reference implementation, with the key 00 01 .. 0f.
TEST(keyed_hash, gives_the_published_values) {
    const keyed_hash::key key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    std::string text;
    for (int i = 0; i < 15; ++i) {
        text += static_cast<char>(i);
    }
    keyed_hash whole(key);
    whole.feed(text);
    EXPECT_EQ(whole.result(), 0xa129ca6149be45e5U);
    EXPECT_EQ(keyed_hash(key).result(), 0x726fdb47dd0e0e31U);
    keyed_hash parts(key);
    parts.feed(text.substr(0, 3));
    parts.feed(text.substr(3));
    EXPECT_EQ(parts.result(), whole.result());
}

TEST(keyed_hash, keeps_parts_apart_and_differs_from_key_to_key) {
    const keyed_hash::key key{1, 2};
    keyed_hash a(key);
    a.feed_part("ab");
    a.feed_part("c");
    keyed_hash b(key);
    b.feed_part("a");
    b.feed_part("bc");
    EXPECT_NE(a.result(), b.result());
    EXPECT_NE(keyed_hash::random_key(), keyed_hash::random_key());
}

}  // namespace
}  // namespace corral::core
