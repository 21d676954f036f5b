// Descriptors that nobody forgets, and writing that comes to its end.

// Reading a descriptor to its end.

#include "corral/core/owned_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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

// A file without a name that holds `text`, read from its start.
owned_fd file_of(const std::string& text) {
    std::string name = ::testing::TempDir() + "read_all.XXXXXX";
    owned_fd file(::mkostemp(name.data(), O_CLOEXEC));
    ::unlink(name.c_str());
    EXPECT_TRUE(write_all(file.get(), text));
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
    return file;
}

std::string counted(std::size_t size) {
    std::string text;
    while (text.size() < size) {
        text += std::to_string(text.size()) + ' ';
    }
    text.resize(size);
    return text;
}

TEST(read_all, brings_a_file_whole_or_as_much_as_was_asked_for) {
    for (const std::size_t size : {0U, 1U, 16383U, 16384U, 16385U, 100'000U}) {
        const std::string text = counted(size);
        EXPECT_EQ(read_all(file_of(text).get(), 200'000), text);
        EXPECT_EQ(read_all(file_of(text).get(), 20'000), text.substr(0, 20'000));
        EXPECT_EQ(read_all(file_of(text).get(), 0), "");
    }
}

TEST(read_all, goes_on_after_the_short_reads_of_a_pipe) {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const owned_fd reads(ends[0]);
    owned_fd writes(ends[1]);
    const std::string sent = counted(300'000);  // more than a pipe holds
    std::thread writer([&] {
        EXPECT_TRUE(write_all(writes.get(), sent));
        writes.reset();
    });
    EXPECT_EQ(read_all(reads.get(), 1'000'000), sent);
    writer.join();
}

TEST(read_all, says_why_it_could_not) {
    const owned_fd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(read_all(folder.get(), 10), std::nullopt);
    EXPECT_EQ(errno, EISDIR);
    EXPECT_EQ(read_all_at(-1, 0, 10), std::nullopt);
    EXPECT_EQ(errno, EBADF);
}

TEST(read_all_at, reads_from_a_place_and_leaves_the_position) {
    const std::string text = counted(50'000);
    const owned_fd file = file_of(text);
    EXPECT_EQ(read_all_at(file.get(), 30'000, 10), text.substr(30'000, 10));
    EXPECT_EQ(read_all_at(file.get(), 100, 100'000), text.substr(100));
    EXPECT_EQ(read_all_at(file.get(), 50'000, 10), "");
    EXPECT_EQ(read_all_at(file.get(), std::numeric_limits<std::uint64_t>::max(), 10), "")
        << "beyond what a file can be";
    EXPECT_EQ(read_all_at(file.get(), std::numeric_limits<off_t>::max(), 10), "");
    EXPECT_EQ(read_all(file.get(), 5), text.substr(0, 5));
}

}  // namespace
}  // namespace corral::core
