#include "corral/process/connection_owner.hpp"

#include <fstream>

#include <boost/asio/connect.hpp>

#include "process/ports/tcp_table.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using boost::asio::ip::tcp;

// A listener of this process, and those who connect to it.
class connection_owner : public testing::Test {
protected:
    child connecting_program(const std::string& more = "time.sleep(60)",
                             const std::string& how = "\"$@\" & wait") {
        const std::string code = "import socket, sys, time, os; s = socket.create_connection(('127.0.0.1', " +
                                 std::to_string(at.local_endpoint().port()) + ")); " + more;
        auto made =
            child::spawn(loop.get_executor(), spec_of({"sh", "-c", how, "sh", "python3", "-c", code}));
        return std::move(made.value());
    }
    child bystander() {
        child made = child::spawn(loop.get_executor(), spec_of({"sleep", "60"})).value();
        await_exec(loop, made);
        return made;
    }
    void end(child& program) {
        EXPECT_TRUE(program.signal_group(SIGKILL));
        EXPECT_TRUE(run(loop, program.wait()));
    }

    boost::asio::io_context loop;
    tcp::acceptor at{loop, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    peer_judge judge;
};

TEST_F(connection_owner, a_grandchild_is_of_its_family_and_of_no_other) {
    child runtime = connecting_program();
    child other = bystander();
    tcp::socket taken = at.accept();
    const auto ends = ends_of(taken.native_handle());
    ASSERT_TRUE(ends);
    EXPECT_EQ(judge.judge(*ends, {runtime.pid()}).is, peer_owner::ours);
    EXPECT_EQ(judge.judge(*ends, {runtime.pid()}).is, peer_owner::ours) << "as the last holder";
    EXPECT_EQ(judge.judge(*ends, {0, other.pid(), runtime.pid()}).is, peer_owner::ours);
    for (const std::vector<pid_t>& foreign : {std::vector<pid_t>{other.pid()}, {}, {0}, {1 << 22}}) {
        const peer_judgement told = judge.judge(*ends, foreign);
        EXPECT_EQ(told.is, peer_owner::foreign);
        EXPECT_NE(told.who.find("python3"), std::string::npos) << told.who;
        EXPECT_NE(told.who.find("user " + std::to_string(::geteuid())), std::string::npos) << told.who;
    }
    end(runtime);
    end(other);
    EXPECT_TRUE(eventually([&] { return judge.judge(*ends, {runtime.pid()}).is == peer_owner::none; }));
}

// What a script has started outlives the script for a moment when that is killed.
TEST_F(connection_owner, who_was_ours_until_its_leader_was_killed_is_nobody_foreign) {
    child runtime = connecting_program();
    tcp::socket taken = at.accept();
    const auto ends = ends_of(taken.native_handle());
    ASSERT_TRUE(ends);
    EXPECT_EQ(judge.judge(*ends, {runtime.pid()}).is, peer_owner::ours);
    EXPECT_EQ(judge.judge(*ends, {}).is, peer_owner::foreign) << "the leader lives, and is ours no more";
    const pid_t group = runtime.pid();
    EXPECT_EQ(::kill(group, SIGKILL), 0);
    EXPECT_TRUE(run(loop, runtime.wait()));
    for (int look = 0; look < 2; ++look) {
        EXPECT_EQ(judge.judge(*ends, {}).is, peer_owner::none) << "of users that are known, too";
    }
    ::kill(-group, SIGKILL);
}

TEST_F(connection_owner, this_process_is_not_of_a_childs_family) {
    child other = bystander();
    tcp::socket mine(loop);
    mine.connect(at.local_endpoint());
    tcp::socket taken = at.accept();
    const auto ends = ends_of(taken.native_handle());
    ASSERT_TRUE(ends);
    EXPECT_EQ(judge.judge(*ends, {other.pid()}).is, peer_owner::foreign);
    EXPECT_EQ(judge.judge(*ends, {::getpid()}).is, peer_owner::ours);
    end(other);
}

TEST_F(connection_owner, an_address_that_was_reset_away_proves_nothing_for_its_next_holder) {
    tcp::socket second(loop);
    second.open(tcp::v4());
    second.set_option(tcp::socket::reuse_address(true));
    tcp::socket taken(loop);
    std::optional<decltype(ends_of(0))::value_type> before;
    // Once free, the port is anybody's on this machine, so another try may be needed.
    boost::system::error_code lost = boost::asio::error::address_in_use;
    for (int tries = 0; lost == boost::asio::error::address_in_use && tries < 20; ++tries) {
        tcp::socket first(loop);
        first.connect(at.local_endpoint());
        const tcp::endpoint from = first.local_endpoint();
        taken = at.accept();
        before = ends_of(taken.native_handle());
        ASSERT_TRUE(before);
        first.set_option(boost::asio::socket_base::linger(true, 0));
        first.close();
        second.bind(from, lost);
    }
    ASSERT_FALSE(lost) << lost.message();
    second.connect(at.local_endpoint());
    EXPECT_EQ(judge.judge(*before, {::getpid()}).is, peer_owner::ours) << "of the second connection";
    EXPECT_FALSE(ends_of(taken.native_handle())) << "the first is known to be over";
}

TEST_F(connection_owner, one_that_has_sent_all_and_closed_its_sending_side_is_still_its_holder) {
    tcp::socket mine(loop);
    mine.connect(at.local_endpoint());
    tcp::socket taken = at.accept();
    mine.shutdown(tcp::socket::shutdown_send);
    EXPECT_TRUE(eventually([&] {
        const auto ends = ends_of(taken.native_handle());
        return ends && judge.judge(*ends, {::getpid()}).is == peer_owner::ours;
    }));
    mine.close();
    EXPECT_TRUE(eventually([&] {
        const auto ends = ends_of(taken.native_handle());
        return !ends || judge.judge(*ends, {::getpid()}).is == peer_owner::none;
    }));
}

// The quick question and the slow table must tell the same story.
TEST_F(connection_owner, the_kernels_table_says_what_its_quick_answer_says) {
    tcp::socket mine(loop);
    mine.connect(at.local_endpoint());
    tcp::socket taken = at.accept();
    const auto asked = ask_for_connection(mine.local_endpoint(), mine.remote_endpoint());
    if (!dump_tcp_listeners()) {
        GTEST_SKIP() << "the kernel answers no question of sock_diag here";
    }
    ASSERT_TRUE(asked);
    std::ifstream table("/proc/net/tcp");
    std::string line;
    bool found = false;
    while (!found && std::getline(table, line)) {
        const auto row = parse_tcp_connection(line);
        found = row && row->local == mine.local_endpoint() && row->remote == mine.remote_endpoint();
        if (found) {
            EXPECT_EQ(row->inode, asked->inode);
            EXPECT_EQ(row->user, asked->user);
            EXPECT_TRUE(row->connected);
        }
    }
    EXPECT_TRUE(found);
    EXPECT_EQ(asked->user, ::geteuid());
    EXPECT_FALSE(ask_for_connection(tcp::endpoint(at.local_endpoint().address(), 1), mine.local_endpoint()));
}

// By the quick question and by the slow table, of IPv4 and of IPv6.
TEST_F(connection_owner, the_user_of_the_other_end_is_known_while_it_is_open) {
    for (const char* host : {"127.0.0.1", "::1"}) {
        tcp::acceptor door(loop);
        boost::system::error_code absent;
        const tcp::endpoint where(boost::asio::ip::make_address(host), 0);
        door.open(where.protocol(), absent);
        door.bind(where, absent);
        if (absent) {
            continue;  // a machine without IPv6
        }
        door.listen();
        tcp::socket mine(loop);
        mine.connect(door.local_endpoint());
        tcp::socket taken = door.accept();
        const auto ends = ends_of(taken.native_handle());
        ASSERT_TRUE(ends) << host;
        EXPECT_EQ(user_at(*ends), ::geteuid()) << host;
        mine.close();  // a socket without a process is root's in the kernel's words
        EXPECT_EQ(user_at(*ends), std::nullopt) << host;
    }
}

TEST_F(connection_owner, another_user_is_told_apart) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can be another user";
    }
    constexpr uid_t other = 65533;
    tcp::socket theirs(loop);
    ASSERT_EQ(::seteuid(other), 0);
    theirs.open(tcp::v4());
    ASSERT_EQ(::seteuid(0), 0);
    theirs.connect(at.local_endpoint());
    tcp::socket taken = at.accept();
    const auto ends = ends_of(taken.native_handle());
    ASSERT_TRUE(ends);
    EXPECT_EQ(user_at(*ends), other);
}

TEST(parse_tcp_connection, takes_both_tables_and_nothing_else) {
    const auto plain = parse_tcp_connection(
        "   3: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->local, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 40000));
    EXPECT_EQ(plain->remote.port(), 8080);
    EXPECT_EQ(plain->user, 1000U);
    EXPECT_EQ(plain->inode, 4242U);
    EXPECT_TRUE(plain->connected);
    const auto mapped = parse_tcp_connection(
        "0: 0000000000000000FFFF00000100007F:9C40 0000000000000000FFFF00000100007F:1F90 06 0:0 00:0 0 7 0 0 "
        "1");
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->local, plain->local);
    EXPECT_FALSE(mapped->connected);
    const auto six = parse_tcp_connection(
        "0: 00000000000000000000000001000000:9C40 00000000000000000000000001000000:1F90 01 0:0 00:0 0 7 0 9 "
        "1");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->local, tcp::endpoint(boost::asio::ip::make_address("::1"), 40000));
    for (const char* line : {"", "sl local_address rem_address st", "0: x:1 y:2 01 0 0 0 1 0 1",
                             "0: 0100007F:9C40 0100007F:1F90 01 0:0 00:0 0 minus 0 1"}) {
        EXPECT_FALSE(parse_tcp_connection(line)) << line;
    }
}

}  // namespace
}  // namespace corral::process
