// Descriptors that nobody forgets, and writing that comes to its end.

#include "corral/core/owned_fd.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace corral::core {
namespace {

bool is_open(int number) {
    return ::fcntl(number, F_GETFD) >= 0;
}

owned_fd null_device() {
    return owned_fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
}

TEST(owned_fd, is_closed_whichever_way_its_owner_goes) {
    int number = -1;
    {
        owned_fd one = null_device();
        number = one.get();
        const owned_fd other = std::move(one);
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
    owned_fd kept = null_device();
    const int first = kept.get();
    kept = null_device();
    EXPECT_FALSE(is_open(first)) << "what it had before is closed";
    const int second = kept.get();
    EXPECT_TRUE(kept.close());
    EXPECT_FALSE(is_open(second));
    EXPECT_TRUE(kept.close()) << "nothing is left to lose";
}

TEST(owned_fd, what_is_given_away_stays_open) {
    int number = -1;
    {
        owned_fd one = null_device();
        number = one.release();
    }
    EXPECT_TRUE(is_open(number));
    owned_fd back(number);
    ASSERT_EQ(::close(back.get()), 0);
    EXPECT_FALSE(back.close());
    EXPECT_EQ(errno, EBADF);
}

TEST(write_all, goes_on_until_the_last_byte_is_taken) {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const owned_fd reads(ends[0]);
    owned_fd writes(ends[1]);
    const std::string sent(1'000'000, 'x');  // more than a pipe holds
    std::size_t got = 0;
    std::thread reader([&] {
        std::array<char, 3000> part{};
        for (ssize_t some = 1; some > 0; got += static_cast<std::size_t>(some)) {
            some = ::read(reads.get(), part.data(), part.size());
        }
    });
    EXPECT_TRUE(write_all(writes.get(), sent));
    writes.reset();
    reader.join();
    EXPECT_EQ(got, sent.size());
}

TEST(write_all, says_why_it_could_not) {
    const owned_fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    EXPECT_FALSE(write_all(full.get(), "text"));
    EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace corral::core
