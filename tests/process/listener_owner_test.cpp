#include "corral/process/listener_owner.hpp"

#include <algorithm>
#include <fstream>
#include <list>

#include <sys/prctl.h>

#include <gmock/gmock.h>
#include <boost/asio/ip/tcp.hpp>

#include "process/ports/tcp_table.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using boost::asio::ip::tcp;

core::awaitable<int> read_port(child& from) {
    std::string line;
    while (line.find('\n') == std::string::npos) {
        const core::result<std::string> part = co_await from.read(output_stream::out);
        if (!part || part->empty()) {
            co_return 0;
        }
        line += *part;
    }
    co_return std::stoi(line);
}

void end(boost::asio::io_context& loop, child& program) {
    EXPECT_TRUE(program.signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, program.wait()));
}

TEST(listeners_on, names_a_python_server_inside_a_shell) {
    boost::asio::io_context loop;
    const std::string code =
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler); "
        "print(s.server_port, flush=True); s.serve_forever()";
    auto server =
        child::spawn(loop.get_executor(), spec_of({"sh", "-c", "python3 -c \"$1\" & wait", "sh", code}));
    ASSERT_TRUE(server);
    const auto port = static_cast<std::uint16_t>(run(loop, read_port(*server)).value_or(0));
    ASSERT_NE(port, 0);
    const auto found = listeners_on(port);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].port, port);
    EXPECT_TRUE(found[0].loopback);
    EXPECT_FALSE(found[0].any_address);
    EXPECT_THAT(found[0].program, testing::StartsWith("python"));
    EXPECT_NE(found[0].owner, server->pid());
    EXPECT_TRUE(descends_from(found[0].owner, server->pid()));
    EXPECT_TRUE(descends_from(found[0].owner, ::getpid()));
    EXPECT_FALSE(descends_from(::getpid(), server->pid()));
    end(loop, *server);
    EXPECT_TRUE(eventually([&] { return listeners_on(port).empty(); }));
}

// The quick question and the slow table must tell the same story, or the quick one is no witness.
TEST(dump_tcp_listeners, agrees_with_the_kernels_table) {
    boost::asio::io_context loop;
    const tcp::acceptor v4(loop, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const tcp::acceptor any(loop, tcp::endpoint(tcp::v4(), 0));
    const auto dumped = dump_tcp_listeners();
    ASSERT_TRUE(dumped);
    for (const auto* mine : {&v4, &any}) {
        const auto port = mine->local_endpoint().port();
        const auto row =
            std::find_if(dumped->begin(), dumped->end(), [&](const auto& each) { return each.port == port; });
        ASSERT_NE(row, dumped->end());
        std::ifstream table("/proc/net/tcp");
        std::string line;
        bool seen = false;
        while (std::getline(table, line)) {
            const auto listed = parse_tcp_listener(line);
            if (listed && listed->port == port) {
                seen = true;
                EXPECT_EQ(listed->inode, row->inode);
                EXPECT_EQ(listed->loopback, row->loopback);
                EXPECT_EQ(listed->any_address, row->any_address);
            }
        }
        EXPECT_TRUE(seen);
    }
}

TEST(listeners_on, tells_twins_apart_that_share_a_port) {
    boost::asio::io_context loop;
    auto first = child::spawn(loop.get_executor(), spec_of({helper_program, "listen"}));
    ASSERT_TRUE(first);
    const int port = run(loop, read_port(*first)).value_or(0);
    ASSERT_NE(port, 0);
    auto second =
        child::spawn(loop.get_executor(), spec_of({helper_program, "listen", std::to_string(port)}));
    ASSERT_TRUE(second);
    ASSERT_EQ(run(loop, read_port(*second)), port);
    std::vector<pid_t> owners;
    for (const listening_socket& socket : listeners_on(static_cast<std::uint16_t>(port))) {
        EXPECT_TRUE(socket.any_address);
        EXPECT_EQ(socket.program, "process_test_helper") << "longer than the kernel's short name";
        owners.push_back(socket.owner);
    }
    EXPECT_THAT(owners, testing::UnorderedElementsAre(first->pid(), second->pid()));
    EXPECT_FALSE(descends_from(second->pid(), first->pid()));
    end(loop, *first);
    end(loop, *second);
}

TEST(listeners_on, sees_ours_on_ipv6_and_forgets_closed_ones) {
    boost::asio::io_context loop;
    std::uint16_t port = 0;
    {
        tcp::acceptor listener(loop, tcp::endpoint(tcp::v4(), 0));
        port = listener.local_endpoint().port();
        const auto found = listeners_on(port);
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].owner, ::getpid());
        EXPECT_TRUE(found[0].any_address);
    }
    EXPECT_TRUE(listeners_on(port).empty());
}

// Prints its port and listens until it is killed.
const std::string listens =
    "import socket, sys, time; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET); "
    "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
    "':' in sys.argv[1] and s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); "
    "s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); print(s.getsockname()[1], flush=True); "
    "time.sleep(1000)";

class own_listeners_test : public testing::Test {
protected:
    ~own_listeners_test() override {
        for (child& each : programs_) {
            end(loop_, each);
        }
    }
    // Its pid and the number that it prints.
    std::pair<pid_t, int> start(std::vector<std::string> command) {
        auto made = child::spawn(loop_.get_executor(), spec_of(std::move(command)));
        EXPECT_TRUE(made);
        programs_.push_back(std::move(*made));
        const int number = run(loop_, read_port(programs_.back())).value_or(0);
        EXPECT_NE(number, 0);
        return {programs_.back().pid(), number};
    }
    std::pair<pid_t, std::uint16_t> server(const std::string& where = "127.0.0.1", int port = 0) {
        const auto [pid, number] = start({"python3", "-c", listens, where, std::to_string(port)});
        return {pid, static_cast<std::uint16_t>(number)};
    }

    boost::asio::io_context loop_;
    std::list<child> programs_;  // a late read refers to its own
};

// Ten processes with a thousand descriptors each, as a busy box has them.
TEST_F(own_listeners_test, a_look_costs_the_same_beside_ten_thousand_descriptors_of_others) {
    const auto [leader, port] = server();
    own_listeners before;
    EXPECT_EQ(before.on(port, leader).own.size(), 1U);
    const std::uint64_t first_look = before.links_read();
    EXPECT_LT(first_look, 20U) << "its own few";
    static_cast<void>(before.on(port, leader));
    EXPECT_EQ(before.links_read(), first_look + 1) << "the one that it was seen to hold";
    const std::string crowd =
        "import os, time\nfor _ in range(10):\n  if os.fork() == 0:\n    r, w = os.pipe()\n"
        "    kept = [os.dup(r) for _ in range(1000)]\n    print(1, flush=True)\n    time.sleep(1000)\n"
        "time.sleep(1000)";
    start({"python3", "-c", crowd});
    EXPECT_TRUE(eventually([&] {
        std::size_t many = 0;
        for (const pid_t pid : children_of(programs_.back().pid()).value_or(std::vector<pid_t>{})) {
            const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
            std::error_code gone;
            const std::filesystem::directory_iterator held(folder, gone);
            many += gone ? 0 : static_cast<std::size_t>(std::distance(begin(held), end(held)));
        }
        return many >= 10'000;
    }));
    own_listeners beside;
    EXPECT_FALSE(beside.on(port, leader).others);
    EXPECT_EQ(beside.links_read(), first_look);
    static_cast<void>(before.on(port, leader));
    EXPECT_EQ(before.links_read(), first_look + 2);
}

TEST_F(own_listeners_test, a_twin_and_a_successor_are_others_however_well_the_port_was_known) {
    const auto [leader, number] = start({helper_program, "listen"});
    const auto port = static_cast<std::uint16_t>(number);
    own_listeners watched;
    EXPECT_EQ(watched.on(port, leader).own.size(), 1U);
    const auto [twin, same] = start({helper_program, "listen", std::to_string(port)});
    EXPECT_EQ(same, number);
    const own_listeners::view both = watched.on(port, leader);
    EXPECT_TRUE(both.others);
    EXPECT_EQ(both.own.size(), 1U);
    end(loop_, programs_.front());
    programs_.erase(programs_.begin());
    EXPECT_TRUE(eventually([&, first = leader] { return watched.on(port, first).own.empty(); }));
    EXPECT_TRUE(watched.on(port, leader).others);
    const own_listeners::view taken_over = watched.on(port, twin);
    EXPECT_FALSE(taken_over.others);
    ASSERT_EQ(taken_over.own.size(), 1U);
    EXPECT_EQ(taken_over.own[0].owner, twin);
    EXPECT_TRUE(watched.on(port, leader).others) << "known as another's";
}

TEST_F(own_listeners_test, a_helper_that_became_a_daemon_belongs_to_its_service) {
    const bool was_set = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
    ASSERT_TRUE(was_set);
    const std::string escape = "(setsid python3 -c \"$1\" 127.0.0.1 0 &); sleep 1000";
    const auto [leader, number] = start({"sh", "-c", escape, "sh", listens});
    const own_listeners::view seen = own_listeners().on(static_cast<std::uint16_t>(number), leader);
    EXPECT_FALSE(seen.others);
    ASSERT_EQ(seen.own.size(), 1U);
    EXPECT_NE(seen.own[0].owner, leader);
    ::kill(seen.own[0].owner, SIGKILL);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// Any user of the box may listen there, beside a service at 127.0.0.1.
TEST_F(own_listeners_test, a_program_that_no_call_can_reach_is_nobody) {
    const auto [leader, port] = server();
    server("127.0.0.2", port);
    server("::1", port);
    const own_listeners::view seen = own_listeners().on(port, leader);
    EXPECT_FALSE(seen.others);
    EXPECT_EQ(seen.own.size(), 1U);
    std::size_t elsewhere = 0;
    for (const listening_socket& row : listeners_on(port)) {
        elsewhere += row.elsewhere ? 1 : 0;
    }
    EXPECT_EQ(elsewhere, 2U);
    const auto [open, other] = server("::");
    EXPECT_TRUE(listeners_on(other).at(0).elsewhere) << "IPv6 alone";
}

TEST(tcp_table, reads_the_rows_of_both_families) {
    const auto v4 = parse_tcp_listener(
        "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 "
        "100 0 0 10 0");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->port, 8000);
    EXPECT_EQ(v4->inode, 4242U);
    EXPECT_TRUE(v4->loopback);
    const auto v6 = parse_tcp_listener(
        "   1: 00000000000000000000000000000000:2CAA 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 "
        "7 1");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->port, 11434);
    EXPECT_TRUE(v6->any_address);
    EXPECT_FALSE(v6->loopback);
    EXPECT_TRUE(
        parse_tcp_listener("1: 00000000000000000000000001000000:0050 0:0 0A 0:0 00:0 0 0 0 7 1")->loopback);
    EXPECT_TRUE(
        parse_tcp_listener("1: 0000000000000000FFFF00000100007F:0050 0:0 0A 0:0 00:0 0 0 0 7 1")->loopback);
    const auto elsewhere = [](const std::string& where) {
        return parse_tcp_listener("1: " + where + ":0050 0:0 0A 0:0 00:0 0 0 0 7 1")->elsewhere;
    };
    EXPECT_FALSE(elsewhere("0100007F"));
    EXPECT_FALSE(elsewhere("00000000"));
    EXPECT_FALSE(elsewhere("0000000000000000FFFF00000100007F"));
    EXPECT_FALSE(elsewhere("00000000000000000000000000000000"));
    EXPECT_TRUE(elsewhere("0200007F"));
    EXPECT_TRUE(elsewhere("00000000000000000000000001000000"));
}

TEST(tcp_table, leaves_out_what_does_not_listen_or_is_broken) {
    for (const char* line :
         {"", "  sl  local_address rem_address   st", "0: 0100007F:1F40 0100007F:2222 01 0 0 0 0 0 5 1",
          "0: 0100007F 0:0 0A 0 0 0 0 0 5", "0: 01:1F40 0:0 0A 0 0 0 0 0 5", "0: 0100007F:1F40 0:0 0A 0 0"}) {
        EXPECT_FALSE(parse_tcp_listener(line)) << line;
    }
}

TEST(descends_from, knows_no_relation_to_nobody) {
    EXPECT_FALSE(descends_from(::getpid(), 0));
    EXPECT_FALSE(descends_from(::getpid(), -1));
    EXPECT_FALSE(descends_from(0, ::getpid()));
    EXPECT_TRUE(descends_from(::getpid(), ::getpid()));
}

}  // namespace
}  // namespace corral::process
