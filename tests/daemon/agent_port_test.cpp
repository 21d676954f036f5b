// The port where load balancers ask, over real sockets.

#include "daemon/agent_port.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "run_until.hpp"

namespace corral::daemon {
namespace {

using boost::asio::ip::tcp;

class agent_port_test : public testing::Test {
protected:
    agent_port_test() {
        const auto opened = port_.listen({boost::asio::ip::address_v4::loopback(), 0});
        EXPECT_TRUE(opened) << opened.error().message;
        port_.start();
    }
    ~agent_port_test() override {
        port_.close();
        tasks_.cancel();
        io_.restart();
        io_.run_for(std::chrono::seconds(5));
    }
    // What comes until the end, or nothing where no end comes.
    std::optional<std::string> ask(const std::string& text) {
        tcp::socket client(io_);
        client.connect(port_.at());
        boost::asio::write(client, boost::asio::buffer(text));
        return rest_of(client);
    }
    std::optional<std::string> rest_of(tcp::socket& client) {
        std::string out;
        bool over = false;
        boost::asio::async_read(client, boost::asio::dynamic_buffer(out),
                                [&over](const boost::system::error_code&, std::size_t) { over = true; });
        return run_until(io_, [&over] { return over; }) ? std::optional(out) : std::nullopt;
    }

    boost::asio::io_context io_;
    core::task_group tasks_{io_.get_executor(), [](const std::string& task, const std::string& what) {
                                ADD_FAILURE() << task << ": " << what;
                            }};
    std::vector<std::string> asked_;
    agent_port port_{tasks_, [this](std::string_view asked) {
                         asked_.emplace_back(asked);
                         return std::string("ready up 50%\n");
                     }};
};

TEST_F(agent_port_test, tells_one_line_to_who_names_a_model_and_to_who_is_silent) {
    EXPECT_EQ(ask("qwen3:4b\n"), "ready up 50%\n");
    EXPECT_EQ(ask(" qwen3:4b \r\nmore"), "ready up 50%\n");
    EXPECT_EQ(ask(""), "ready up 50%\n");
    EXPECT_EQ(ask("no end"), "ready up 50%\n");
    EXPECT_EQ(asked_, (std::vector<std::string>{"qwen3:4b", "qwen3:4b", "", ""}));
}

TEST_F(agent_port_test, reads_no_more_than_a_line) {
    (void)ask(std::string(agent_port::longest_line + 1, 'x'));
    ASSERT_EQ(asked_.size(), 1U);
    EXPECT_EQ(asked_[0], "");
}

TEST_F(agent_port_test, has_an_end_for_those_who_are_too_many) {
    std::vector<tcp::socket> all;
    for (std::size_t i = 0; i < 3 * agent_port::most_open; ++i) {
        all.emplace_back(io_);
        all.back().connect(port_.at());
        io_.restart();
        io_.poll();
    }
    std::size_t told = 0;
    for (tcp::socket& each : all) {
        const auto got = rest_of(each);
        ASSERT_TRUE(got);
        told += got == "ready up 50%\n" ? 1 : 0;
    }
    EXPECT_GE(told, agent_port::most_open);
    EXPECT_EQ(asked_.size(), told);
    EXPECT_EQ(ask("again\n"), "ready up 50%\n");
}

TEST(agent_port, says_which_address_is_taken) {
    boost::asio::io_context io;
    core::task_group tasks(io.get_executor(), [](const std::string&, const std::string&) {});
    agent_port first(tasks, [](std::string_view) { return std::string(); });
    ASSERT_TRUE(first.listen({boost::asio::ip::address_v4::loopback(), 0}));
    agent_port second(tasks, [](std::string_view) { return std::string(); });
    const auto opened = second.listen(first.at());
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.text().find("'fleet.agent' 127.0.0.1:"), std::string::npos)
        << opened.error().message;
}

}  // namespace
}  // namespace corral::daemon
