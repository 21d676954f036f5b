#include "corral/control/admin_socket.hpp"
#include "corral/core/private_file.hpp"
#include "corral/core/say.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "corral/telemetry/log.hpp"
#include "unix_socket.hpp"

namespace corral::control {

namespace {

namespace fs = std::filesystem;
using namespace boost::asio::experimental::awaitable_operators;
using boost::asio::local::stream_protocol;

// Counts a connection, whichever way it ends.
class place {
public:
    place(std::size_t& count, core::wake_signal& changed) : count_(count), changed_(changed) { ++count_; }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {
        --count_;
        changed_.ring();
    }

private:
    std::size_t& count_;
    core::wake_signal& changed_;
};

}  // namespace

admin_answer answer_with(admin_json only) {
    admin_answer out;
    out.first = std::move(only);
    return out;
}

admin_socket::admin_socket(core::task_group& tasks, handler answer, admin_limits limits)
    : tasks_(tasks),
      answer_(std::move(answer)),
      limits_(limits),
      acceptor_(tasks.get_executor()),
      changed_(tasks.get_executor()) {}

admin_socket::~admin_socket() {
    close();
}

bool admin_socket::is_trusted(uid_t peer) {
    return peer == 0 || peer == ::geteuid();
}

core::result<void> admin_socket::listen(const fs::path& path) {
    if (auto made = core::make_private_folder(path.parent_path()); !made) {
        return made;
    }
    const auto opened = listen_unix(path);
    if (!opened) {
        return opened.error();
    }
    core::error_code error;
    acceptor_.assign(stream_protocol(), *opened, error);
    struct stat found {};
    if (error || ::stat(path.c_str(), &found) != 0) {
        ::close(*opened);
        return core::failure{error ? error : core::error_code(errno, boost::system::system_category()),
                             core::say("command.socket-file/admin", path.string())};
    }
    path_ = path;
    device_ = found.st_dev;
    inode_ = found.st_ino;
    return {};
}

void admin_socket::start() {
    if (acceptor_.is_open()) {
        tasks_.spawn("admin socket", accept_all());
    }
}

void admin_socket::close() {
    core::error_code ignored;  // it is closed whatever close() says
    acceptor_.close(ignored);
    struct stat found {};
    const bool ours = !path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
                      found.st_ino == inode_;
    if (ours) {
        ::unlink(path_.c_str());  // a socket that stays is replaced by the next start
    }
    path_.clear();
}

core::awaitable<void> admin_socket::accept_all() {
    constexpr core::milliseconds pause{100};
    while (acceptor_.is_open()) {
        if (open_ >= limits_.connections) {
            const core::deadline never;
            const core::wake_reason why = co_await changed_.wait(never);
            if (why == core::wake_reason::cancelled) {
                co_return;
            }
            continue;
        }
        const auto [error] =
            co_await acceptor_.async_wait(stream_protocol::acceptor::wait_read, core::as_result);
        if (!acceptor_.is_open() || error == boost::asio::error::operation_aborted) {
            co_return;
        }
        const bool goes_on = accept_waiting();
        if (error || !goes_on) {
            co_await core::sleep_for(pause);
        }
    }
}

// False when descriptors are short.
bool admin_socket::accept_waiting() {
    const int handle = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (handle < 0) {
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    }
    auto client = std::make_shared<stream>(tasks_.get_executor());
    core::error_code error;
    client->assign(stream_protocol(), handle, error);
    if (error) {
        ::close(handle);
        return false;
    }
    tasks_.spawn("admin connection", serve(std::move(client)));
    return true;
}

core::awaitable<void> admin_socket::serve(std::shared_ptr<stream> on) {
    const place counted(open_, changed_);
    const auto who = peer_of(on->native_handle());
    if (!who || !is_trusted(who->uid)) {
        telemetry::warn("command.may-not-ask", "admin socket: user {} was refused",
                        who ? std::to_string(who->uid) : "unknown");
        const admin_json refused = admin_refusal(core::say("command.may-not-ask/only"));
        co_await write(*on, refused, limits_.write_timeout);
        co_return;
    }
    std::string buffer;
    bool more = true;
    while (more) {
        std::optional<std::string> line = co_await read_line(*on, buffer);
        if (!line) {
            co_return;
        }
        if (line->size() > limits_.line_bytes) {
            const admin_json refused =
                admin_refusal(core::say("command.asks-daemon/request", limits_.line_bytes));
            co_await write(*on, refused, limits_.write_timeout);
            co_return;
        }
        std::string text = std::move(*line);
        // Who asked for something long and went away holds no place: of a Unix socket an end of both
        // directions is seen so, and one that only says no more is none.
        auto answering = answer_line(std::move(text));
        auto gone = on->async_wait(stream::wait_error, core::as_result);
        const auto first = co_await (std::move(answering) || std::move(gone));
        if (first.index() != 0) {
            co_return;
        }
        more = co_await write_all(*on, std::get<0>(first));
    }
}

// False when the client has gone or takes too long.
core::awaitable<bool> admin_socket::write_all(stream& on, const admin_answer& answer) {
    bool written = co_await write(on, answer.first, limits_.write_timeout);
    while (written && answer.more) {
        auto next = answer.more();
        auto gone = on.async_wait(stream::wait_error, core::as_result);
        const auto first = co_await (std::move(next) || std::move(gone));
        if (first.index() != 0) {
            co_return false;
        }
        const std::optional<admin_json>& object = std::get<0>(first);
        if (!object) {
            co_return true;
        }
        written = co_await write(on, *object, limits_.stream_timeout);
    }
    co_return written;
}

// Without its end; nothing when the client has gone or takes too long. One that is too long comes cut, but
// longer than allowed.
core::awaitable<std::optional<std::string>> admin_socket::read_line(stream& on, std::string& buffer) {
    boost::asio::steady_timer limit(tasks_.get_executor(), limits_.line_timeout);
    while (true) {
        const std::size_t end = buffer.find('\n');
        if (end != std::string::npos || buffer.size() > limits_.line_bytes) {
            std::string line = buffer.substr(0, end);
            buffer.erase(0, end == std::string::npos ? end : end + 1);
            co_return line;
        }
        std::array<char, 4096> piece{};
        const auto target = boost::asio::buffer(piece);
        const auto first =
            co_await (on.async_read_some(target, core::as_result) || limit.async_wait(core::as_result));
        if (first.index() != 0) {
            co_return std::nullopt;
        }
        const auto& [error, count] = std::get<0>(first);
        if (error) {
            co_return std::nullopt;
        }
        buffer.append(piece.data(), count);
    }
}

core::awaitable<bool> admin_socket::write(stream& on, const admin_json& answer, core::seconds longest) {
    const std::string text = answer.dump(-1, ' ', false, admin_json::error_handler_t::replace) + "\n";
    boost::asio::steady_timer limit(tasks_.get_executor(), longest);
    const auto source = boost::asio::buffer(text);
    const auto first =
        co_await (boost::asio::async_write(on, source, core::as_result) || limit.async_wait(core::as_result));
    if (first.index() != 0) {
        co_return false;
    }
    const auto& [error, count] = std::get<0>(first);
    co_return !error;
}

core::awaitable<admin_answer> admin_socket::answer_line(std::string line) {
    core::result<admin_json> asked = read_admin_request(line, limits_.depth);
    if (!asked) {
        co_return answer_with(admin_refusal(asked.error().message));
    }
    admin_answer answer = co_await answer_(std::move(*asked));
    co_return answer;
}

}  // namespace corral::control
