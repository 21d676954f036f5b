#include "corral/process/sealed_memory.hpp"

#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace corral::process {
namespace {

TEST(sealed_memory, gives_back_what_was_put_in_and_nothing_else_is_one) {
    const std::string text(100'000, 'x');
    const auto memory = make_sealed_memory(text);
    ASSERT_TRUE(memory);
    EXPECT_EQ(::write(*memory, "y", 1), -1) << "sealed";
    for (int again = 0; again < 2; ++again) {
        const auto read = read_sealed_memory(*memory, text.size());
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, text);
    }
    EXPECT_FALSE(read_sealed_memory(*memory, text.size() - 1)) << "beyond the limit";
    ::close(*memory);
    EXPECT_FALSE(read_sealed_memory(*memory, 10));
    EXPECT_FALSE(read_sealed_memory(STDIN_FILENO, 10));
    const int open = ::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_FALSE(read_sealed_memory(open, 10)) << "not sealed";
    ::close(open);
}

}  // namespace
}  // namespace corral::process
