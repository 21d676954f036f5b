#include "api/models/image_reader.hpp"

#include <gtest/gtest.h>

#include "corral/core/base64.hpp"

namespace corral::api {
namespace {

using namespace std::string_literals;

TEST(image_reader, a_type_is_what_the_first_bytes_say) {
    const std::vector<std::pair<std::string, std::string>> table{{"\x89PNG\r\n\x1a\n"s, "image/png"},
                                                                 {"\xff\xd8\xff\xe0"s, "image/jpeg"},
                                                                 {"RIFF\1\2\3\4WEBPVP8 "s, "image/webp"},
                                                                 {"GIF89a"s, "image/gif"},
                                                                 {"BM\0\0"s, "image/bmp"},
                                                                 {"RIFF\1\2\3\4AVI "s, ""},
                                                                 {"1234\1\2\3\4WEBP"s, ""},
                                                                 {"\x89PN"s, ""},
                                                                 {""s, ""},
                                                                 {"<svg"s, ""}};
    for (const auto& [bytes, type] : table) {
        EXPECT_EQ(image_type(bytes), type) << bytes;
    }
}

TEST(image_reader, keeps_every_byte_and_no_line_break) {
    chat::message to;
    decode_problem problem;
    const std::string coded = core::to_base64("\x89PNG\r\n\x1a\nrest of it");
    add_image(coded.substr(0, 5) + "\r\n" + coded.substr(5) + "\n", to, problem);
    ASSERT_EQ(to.images.size(), 1U);
    EXPECT_EQ(to.images[0]->type, "image/png");
    EXPECT_EQ(to.images[0]->base64, coded);
    EXPECT_FALSE(problem.found());
}

TEST(image_reader, sizes_and_types_are_bounded) {
    chat::message to;
    decode_problem problem;
    add_image(std::string(most_image_bytes + 4, 'A'), to, problem);
    EXPECT_EQ(problem.status, 413U);
    EXPECT_TRUE(to.images.empty());
    decode_problem other;
    add_image(core::to_base64("BM.."), to, other);
    check_images({to}, {"image/png", "image/jpeg"}, other);
    EXPECT_EQ(other.message, "invalid image input: this model takes image/png, image/jpeg, not image/bmp");
}

}  // namespace
}  // namespace corral::api
