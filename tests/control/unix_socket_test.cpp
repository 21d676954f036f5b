#include "control/unix_socket.hpp"

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"
#include "corral/control/socket_file.hpp"

namespace corral::control {
namespace {

class unix_socket : public testing::Test {
protected:
    ~unix_socket() override {
        for (const int each : open_) {
            ::close(each);
        }
    }
    int keep(const core::result<int>& made) {
        EXPECT_TRUE(made) << (made ? std::string() : made.error().message.text());
        if (!made) {
            return -1;
        }
        open_.push_back(*made);
        return *made;
    }
    tests::temporary_folder folder_;
    std::filesystem::path path_ = folder_.path() / "a.sock";
    std::vector<int> open_;
};

TEST_F(unix_socket, is_its_owners_alone_and_knows_its_peer) {
    keep(listen_unix(path_));
    struct stat found {};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    const auto who = peer_of(keep(connect_unix(path_)));
    ASSERT_TRUE(who);
    EXPECT_EQ(who->pid, ::getpid());
    EXPECT_EQ(who->uid, ::geteuid());
}

TEST_F(unix_socket, takes_paths_longer_than_an_address) {
    const auto folder = folder_.path() / std::string(100, 'd') / std::string(100, 'e');
    std::filesystem::create_directories(folder);
    keep(listen_unix(folder / "a.sock"));
    keep(connect_unix(folder / "a.sock"));
    const auto name = listen_unix(folder_.path() / std::string(120, 'n'));
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code.value(), ENAMETOOLONG);
}

TEST_F(unix_socket, replaces_what_a_dead_one_left) {
    const int dead = *listen_unix(path_);
    ::close(dead);
    ASSERT_TRUE(std::filesystem::exists(path_));
    EXPECT_EQ(connect_unix(path_).error().code.value(), ECONNREFUSED);
    keep(listen_unix(path_));
    keep(connect_unix(path_));
}

TEST_F(unix_socket, leaves_the_living_and_other_files_alone) {
    keep(listen_unix(path_));
    const auto second = listen_unix(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code.value(), EADDRINUSE);
    EXPECT_NE(second.error().message.text().find("process " + std::to_string(::getpid())), std::string::npos);
    keep(connect_unix(path_));
    folder_.write("file", "data");
    EXPECT_FALSE(listen_unix(folder_.path() / "file"));
    EXPECT_TRUE(std::filesystem::is_regular_file(folder_.path() / "file"));
    EXPECT_EQ(connect_unix(folder_.path() / "none").error().code.value(), ENOENT);
}

TEST_F(unix_socket, that_takes_the_place_of_a_deleted_one_keeps_its_file) {
    auto ours = socket_file::listen(path_);
    ASSERT_TRUE(ours);
    std::filesystem::remove(path_);
    auto next = socket_file::listen(path_);
    ASSERT_TRUE(next);
    ours->replace_with(*std::move(next));
    next->remove();
    EXPECT_TRUE(std::filesystem::exists(path_));
    ours->remove();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(unix_socket, that_was_deleted_is_known_to_be_gone_but_not_one_that_another_replaced) {
    auto ours = socket_file::listen(path_);
    ASSERT_TRUE(ours);
    EXPECT_FALSE(socket_file::is_gone(ours->path()));
    std::filesystem::remove(path_);
    EXPECT_TRUE(socket_file::is_gone(ours->path()));
    keep(listen_unix(path_));
    EXPECT_FALSE(socket_file::is_gone(ours->path()));
    ours->remove();
    EXPECT_TRUE(std::filesystem::exists(path_));
    EXPECT_EQ(ours->path(), "");
}

}  // namespace
}  // namespace corral::control
