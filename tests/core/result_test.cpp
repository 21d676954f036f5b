#include "corral/core/result.hpp"

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(result, value_of_a_failed_result_throws_its_sentence) {
    const result<int> broken = make_failure(errc::refused, reason::unlisted("the port is taken"));
    try {
        static_cast<void>(broken.value());
        FAIL() << "no exception";
    } catch (const boost::system::system_error& error) {
        EXPECT_EQ(error.code(), errc::refused);
        EXPECT_NE(std::string(error.what()).find("the port is taken"), std::string::npos);
    }
}

TEST(result, an_errno_keeps_its_system_meaning) {
    const failure what = errno_failure(ENOENT, reason::unlisted("no such package"));
    EXPECT_EQ(what.code, boost::system::errc::no_such_file_or_directory);
}

TEST(result, every_reason_has_words_of_its_own) {
    std::vector<std::string> seen;
    for (int value = 1; value <= static_cast<int>(errc::internal); ++value) {
        const std::string words = make_error_code(static_cast<errc>(value)).message();
        EXPECT_EQ(std::count(seen.begin(), seen.end(), words), 0) << words;
        seen.push_back(words);
    }
}

}  // namespace
}  // namespace corral::core
