#include "corral/core/code_pages.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

// Resident pages of files, in KiB.
std::size_t mapped_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssFile:")) {
            return std::stoul(line.substr(8));
        }
    }
    return 0;
}

TEST(code_pages, are_given_back_and_come_again) {
    const std::size_t before = mapped_kib();
    ASSERT_GT(before, 0U);
    EXPECT_GT(give_back_code_pages(), 1024U * 1024U);
    EXPECT_LT(mapped_kib(), before);
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(give_back_code_pages());
        EXPECT_THROW(throw std::string(1000, 'x'), std::string);  // code, tables and data are all there
    }
}

}  // namespace
}  // namespace corral::core
