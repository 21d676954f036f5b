#pragma once
// The admin socket: a Unix stream socket for the command line of the same machine and user (or root). One
// JSON object a line asks, {"verb":"status",...}; one JSON object a line answers, {"ok":true,...} or
// {"ok":false,"error":"..."}, and where lines are followed more come after it. What connects is not trusted:
// lines, waits and connections are bounded.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include <boost/asio/local/stream_protocol.hpp>

#include "corral/control/admin_request.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::control {

// One object, and then those of `more`, a line each, until it gives nothing. `more` is not called again
// before the last object was written.
struct admin_answer {
    admin_json first;
    std::function<core::awaitable<std::optional<admin_json>>()> more;  // empty: the first is all
};

[[nodiscard]] admin_answer answer_with(admin_json only);

struct admin_limits {
    std::size_t line_bytes = 64 * 1024;
    std::size_t depth = 32;  // of nested objects and lists
    std::size_t connections = 16;
    core::seconds line_timeout{30};  // for a whole request, from the last answer on
    core::seconds write_timeout{10};
    core::seconds stream_timeout{3600};  // of one object of a stream: a person may have paused its pager
};

class admin_socket {
public:
    // An object that was asked, to the answer. It must not throw and has deadlines of its own.
    using handler = std::function<core::awaitable<admin_answer>(admin_json asked)>;

    // `tasks` owns the connections, is borrowed and outlives this.
    admin_socket(core::task_group& tasks, handler answer, admin_limits limits = {});
    admin_socket(const admin_socket&) = delete;
    admin_socket& operator=(const admin_socket&) = delete;
    // REQUIRES: the tasks have ended, or never will run again.
    ~admin_socket();

    // Makes the folder (mode 0700) if it is not there, and listens; nothing is answered yet.
    [[nodiscard]] core::result<void> listen(const std::filesystem::path& path);
    void start();
    // No more connections; the file goes unless it is somebody else's by now.
    void close();
    // True for a uid that may talk to us.
    [[nodiscard]] static bool is_trusted(uid_t peer);

private:
    using stream = boost::asio::local::stream_protocol::socket;
    [[nodiscard]] core::awaitable<void> accept_all();
    [[nodiscard]] core::awaitable<void> serve(std::shared_ptr<stream> on);
    [[nodiscard]] core::awaitable<std::optional<std::string>> read_line(stream& on, std::string& buffer);
    [[nodiscard]] core::awaitable<bool> write(stream& on, const admin_json& answer, core::seconds longest);
    [[nodiscard]] core::awaitable<bool> write_all(stream& on, const admin_answer& answer);
    [[nodiscard]] core::awaitable<admin_answer> answer_line(std::string line);
    [[nodiscard]] bool accept_waiting();

    core::task_group& tasks_;
    handler answer_;
    admin_limits limits_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    core::wake_signal changed_;  // a connection ended
    std::size_t open_ = 0;
    std::filesystem::path path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace corral::control
