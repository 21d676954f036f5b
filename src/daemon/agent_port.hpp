#pragma once
// The port where load balancers ask how much of the load this box wants: HAProxy's agent-check. Whoever connects may send
// the name of a model and a line end (`agent-send`), or nothing, and gets one line. It tells states and no names, so it
// asks for no key.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/task_group.hpp"

namespace corral::daemon {

class agent_port {
public:
    // `asked`: the line without its end, at most longest_line bytes; empty: none came. Must not throw.
    using line_maker = std::function<std::string(std::string_view asked)>;

    static constexpr std::size_t longest_line = 512;  // bytes; of a longer one nothing is read
    static constexpr std::size_t most_open = 64;      // connections; further ones are closed at once
    // So long a first line is waited for: a balancer that sends one does so with its connect.
    static constexpr core::milliseconds patience{200};

    // `tasks` is borrowed; it must be empty before this goes.
    agent_port(core::task_group& tasks, line_maker answer);

    // Fails with a sentence for the person who started us.
    [[nodiscard]] core::result<void> listen(const boost::asio::ip::tcp::endpoint& at);
    void start();
    void close();
    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const;

private:
    using socket = boost::asio::ip::tcp::socket;
    core::awaitable<void> accept_all();
    [[nodiscard]] bool accept_waiting();
    core::awaitable<void> serve(std::shared_ptr<socket> client);
    [[nodiscard]] core::awaitable<std::string> read_line(std::shared_ptr<socket> client);

    core::task_group& tasks_;
    line_maker answer_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::size_t open_ = 0;
};

}  // namespace corral::daemon
