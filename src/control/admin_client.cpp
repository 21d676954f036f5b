#include "corral/control/admin_client.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/control/socket_file.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "unix_socket.hpp"

namespace corral::control {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_answer = 16 * 1024 * 1024;

constexpr std::size_t deepest = 32;

core::failure broken(const fs::path& path, const std::string& why) {
    return core::make_failure(core::errc::protocol,
                              core::say("command.asks-daemon/corral", path.string(), why));
}

core::failure broken(const fs::path& path, const core::failure& why) {
    return broken(path,
                  why.code == core::errc::timed_out
                      ? "does not answer in time"
                      : "gives no answer that this version reads; if an earlier one runs there, restart it");
}

std::string name_of(uid_t user) {
    const passwd* const found = ::getpwuid(user);
    return found != nullptr ? found->pw_name : "#" + std::to_string(user);
}

// Whether "corral serve" runs there. What a process says of itself is good enough for a hint.
bool serves(const fs::path& process) {
    constexpr std::size_t enough = 4096;
    std::ifstream in(process / "cmdline", std::ios::binary);
    std::string words(enough, '\0');
    in.read(words.data(), static_cast<std::streamsize>(words.size()));
    words.resize(static_cast<std::size_t>(in.gcount()));
    const std::size_t end = words.find('\0');
    const bool corral = end != std::string::npos && fs::path(words.substr(0, end)).filename() == "corral";
    return corral && words.find(std::string("\0serve\0", 7), end) != std::string::npos;
}

// Of the others that run a Corral.
std::set<uid_t> other_users() {
    std::set<uid_t> out;
    std::error_code failed;
    for (fs::directory_iterator all("/proc", failed), end; !failed && all != end; all.increment(failed)) {
        const std::string name = all->path().filename();
        struct stat about {};
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            ::stat(all->path().c_str(), &about) == 0 && about.st_uid != ::geteuid() && serves(all->path())) {
            out.insert(about.st_uid);
        }
    }
    return out;
}

// Where /proc shows each user only their own (hidepid), nothing follows from what it does not show.
bool sees_other_users() {
    return ::access("/proc/1/stat", R_OK) == 0;
}

std::string command_as(const std::string& user) {
    return user == "root" ? "'sudo corral ...'" : "'sudo -u " + user + " corral ...'";
}

// Why `path` is closed to this user, and whose it is; empty: its owner runs none.
core::reason kept_from(const fs::path& path) {
    struct stat about {};
    const bool known = ::stat(path.c_str(), &about) == 0 || ::stat(path.parent_path().c_str(), &about) == 0;
    if (known && sees_other_users() && !other_users().contains(about.st_uid)) {
        return {};
    }
    if (!known || ::getpwuid(about.st_uid) == nullptr) {
        return core::say("command.other-user/unknown", path);
    }
    const std::string name = name_of(about.st_uid);
    return name == "root" ? core::say("command.other-user/root")
                          : core::say("command.other-user/user", name, command_as(name));
}

struct open_line {
    std::shared_ptr<core::owned_fd> socket;
    fs::path path;
};

core::result<open_line> begin(const std::vector<fs::path>& places) {
    if (places.empty()) {
        return core::make_failure(core::errc::not_found, core::say("command.socket-off"));
    }
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (connected) {
            return open_line{std::make_shared<core::owned_fd>(*connected), path};
        }
        const int why = connected.error().code.value();
        const bool closed = why == EACCES || why == EPERM;
        if (const core::reason whose = closed ? kept_from(path) : core::reason(); !whose.empty()) {
            return core::make_failure(core::errc::refused, whose);
        }
        if (!closed && why != ENOENT && why != ECONNREFUSED && why != ENOTDIR) {
            return core::make_failure(
                core::errc::not_found,
                core::say("command.cant-ask/corral-asked", path.string(), connected.error().code.message()));
        }
    }
    return core::make_failure(core::errc::not_found, not_running());
}

http::stream_call call_on(const open_line& line) {
    http::stream_call out;
    out.connected = line.socket;
    out.host = "corral";
    return out;
}

core::deadline from_now(core::seconds longest) {
    return core::deadline::after(longest, std::chrono::steady_clock::now());
}

// `work` alone, on a loop of its own.
template <typename T>
T run_alone(core::awaitable<T> work, T out) {
    boost::asio::io_context loop;
    std::exception_ptr thrown;
    core::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
        thrown = std::move(error);
        out = std::move(result);
    });
    loop.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return out;
}

// The next whole event of `text`, which loses it; its data is discarded where that is no JSON.
struct sent_event {
    std::string name;
    admin_json data;
};

std::optional<sent_event> take_event(std::string& text) {
    const std::size_t end = text.find("\n\n");
    if (end == std::string::npos) {
        return std::nullopt;
    }
    const std::string_view whole = std::string_view(text).substr(0, end);
    constexpr std::string_view named = "event: ";
    constexpr std::string_view filled = "data: ";
    const std::size_t data = whole.find('\n');
    sent_event out;
    if (whole.starts_with(named) && data != std::string_view::npos &&
        whole.substr(data + 1).starts_with(filled)) {
        out.name = whole.substr(named.size(), data - named.size());
        out.data = core::parse_json<admin_json>(whole.substr(data + 1 + filled.size()), {deepest, end});
    }
    text.erase(0, end + 2);
    return out;
}

core::awaitable<core::result<void>> follow(open_line line, std::string path, core::seconds longest,
                                           const event_taker& take) {
    http::stream_call call = call_on(line);
    call.method = "GET";
    call.target = std::move(path);
    call.until = from_now(longest);
    auto opened = co_await http::reply_stream::open(std::move(call));
    if (!opened) {
        co_return broken(line.path, opened.error());
    }
    constexpr unsigned good = 200;
    if ((*opened)->status() != good) {
        const core::result<std::string> text =
            co_await http::read_all(**opened, longest_answer, from_now(longest));
        const admin_json why =
            text ? core::parse_json<admin_json>(*text, {deepest, longest_answer}) : admin_json();
        take("refused", why);
        co_return core::result<void>{};
    }
    std::string heard;
    while (true) {
        core::result<std::string> piece = co_await (*opened)->read(from_now(longest));
        if (!piece && piece.error().code != core::errc::timed_out) {
            co_return core::make_failure(core::errc::protocol, core::say("command.asks-daemon/ended"));
        }
        if (!piece) {
            co_return broken(line.path, piece.error());
        }
        if (piece->empty()) {
            co_return core::result<void>{};
        }
        heard += *piece;
        while (const std::optional<sent_event> event = take_event(heard)) {
            if (!take(event->name, event->data)) {
                co_return core::result<void>{};
            }
        }
        if (heard.size() > longest_answer) {
            co_return broken(line.path, "answered with something that is not understood");
        }
    }
}

}  // namespace

core::reason not_running(const std::optional<std::string>& config) {
    const std::string own = config ? "'corral serve --config " + *config + "'" : "'corral serve'";
    const std::set<uid_t> others = other_users();
    if (others.empty()) {
        return core::say("command.not-running/plain",
                         own + (config ? "" : " or 'sudo systemctl start corral'"));
    }
    const std::string name = name_of(*others.begin());
    return core::say("command.not-running/other-user", name, command_as(name), own);
}

core::awaitable<core::result<admin_reply>> exchange(http::stream_call call, admin_question question,
                                                    core::deadline until) {
    call.method = std::move(question.method);
    call.target = std::move(question.path);
    call.until = until;
    if (!question.body.is_null()) {
        call.body = question.body.dump(-1, ' ', false, admin_json::error_handler_t::replace);
    }
    auto opened = co_await http::reply_stream::open(std::move(call));
    if (!opened) {
        co_return opened.error();
    }
    const core::result<std::string> text = co_await http::read_all(**opened, longest_answer, until);
    if (!text) {
        co_return text.error();
    }
    co_return admin_reply{(*opened)->status(),
                          core::parse_json<admin_json>(*text, {deepest, longest_answer})};
}

core::result<admin_reply> exchange_alone(http::stream_call call, admin_question question,
                                         core::seconds longest) {
    return run_alone<core::result<admin_reply>>(
        exchange(std::move(call), std::move(question), from_now(longest)), admin_reply{});
}

core::result<admin_json> ask_daemon(const std::vector<fs::path>& places, admin_question question,
                                    core::seconds longest) {
    const auto line = begin(places);
    if (!line) {
        return line.error();
    }
    core::result<admin_reply> reply = exchange_alone(call_on(*line), std::move(question), longest);
    if (!reply) {
        return broken(line->path, reply.error());
    }
    // Any program may listen there.
    if (!reply->body.is_object()) {
        return broken(line->path, "answered with something that is not understood");
    }
    constexpr unsigned good = 200;
    reply->body["ok"] = reply->status == good;
    return std::move(reply->body);
}

core::result<void> follow_daemon(const std::vector<fs::path>& places, std::string path, core::seconds longest,
                                 const event_taker& take) {
    const auto line = begin(places);
    if (!line) {
        return line.error();
    }
    return run_alone<core::result<void>>(follow(*line, std::move(path), longest, take), {});
}

core::owned_fd process_of_daemon(const std::vector<fs::path>& places) {
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (!connected) {
            continue;
        }
        const core::owned_fd socket(*connected);
        return process_at(socket.get());
    }
    return {};
}

}  // namespace corral::control
