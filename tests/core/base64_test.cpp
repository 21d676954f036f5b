#include "corral/core/base64.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(base64, a_fault_is_where_go_finds_it) {
    const std::vector<std::pair<std::string, std::optional<std::size_t>>> rows{
        {"", {}},   {"aGk=", {}}, {"aGkh", {}},   {"aA==", {}},    {"aG\nk=\r\n", {}}, {"data:x", 4},
        {"aGk", 0}, {"a", 0},     {"aGkhaGk", 4}, {"aG-_", 2},     {"=", 0},           {"a===", 1},
        {"aA=", 3}, {"aA=x", 2},  {"aA==x", 4},   {"aGk=aGk=", 4}, {"aGkh aGkh", 4},
    };
    for (const auto& [text, wanted] : rows) {
        EXPECT_EQ(base64_error(text), wanted) << text;
    }
}

TEST(base64, of_any_length) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"\xFF\xFE", "//4="}, {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, coded] : rows) {
        EXPECT_EQ(to_base64(plain), coded);
        EXPECT_EQ(from_base64(coded), plain);
        EXPECT_EQ(base64_error(coded), std::nullopt) << coded;
    }
    EXPECT_EQ(base64_error("Zm9v\r\nYmFy\n"), std::nullopt);
    for (const char* wrong : {"Zg=", "Zg", "Z===", "====", "=Zg=", "Zm9v!mFy", "Zg==Zg=="}) {
        EXPECT_TRUE(base64_error(wrong)) << wrong;
        EXPECT_FALSE(from_base64(wrong)) << wrong;
    }
}

}  // namespace
}  // namespace corral::core
