#include "corral/control/admin_client.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "corral/core/json.hpp"
#include "unix_socket.hpp"

namespace corral::control {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_answer = 16 * 1024 * 1024;

struct closer {
    explicit closer(int socket) : handle(socket) {}
    closer(const closer&) = delete;
    closer& operator=(const closer&) = delete;
    ~closer() { ::close(handle); }
    int handle;
};

core::failure broken(const fs::path& path, const std::string& why) {
    return core::make_failure(core::errc::protocol, "the Corral at '" + path.string() + "' " + why);
}

// One connection, which it closes.
class conversation {
public:
    conversation(int socket, fs::path path, core::seconds longest) : ends_{socket}, path_(std::move(path)) {
        const timeval limit{longest.count(), 0};
        ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }

    core::result<void> say(const admin_json& asked) {
        const std::string line = asked.dump(-1, ' ', false, admin_json::error_handler_t::replace) + "\n";
        std::string_view rest = line;
        while (!rest.empty()) {
            const ssize_t sent = ::send(ends_.handle, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR) {
                return broken(path_, std::string("does not take the question: ") + std::strerror(errno));
            }
            rest.remove_prefix(static_cast<std::size_t>(sent > 0 ? sent : 0));
        }
        return {};
    }

    core::result<admin_json> hear() {
        std::size_t end = heard_.find('\n');
        while (end == std::string::npos) {
            char piece[16 * 1024];
            const ssize_t got = ::recv(ends_.handle, piece, sizeof piece, 0);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0 || heard_.size() > longest_answer) {
                const bool late = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
                return broken(path_,
                              late ? "does not answer in time" : "ended the connection without an answer");
            }
            const std::size_t before = heard_.size();
            heard_.append(piece, static_cast<std::size_t>(got));
            end = heard_.find('\n', before);
        }
        // Whoever listens there may be anybody.
        auto answer = core::parse_json<admin_json>(std::string_view(heard_).substr(0, end));
        heard_.erase(0, end + 1);
        if (!answer.is_object()) {
            return broken(path_, "answered with something that is not understood");
        }
        return answer;
    }

private:
    closer ends_;
    fs::path path_;
    std::string heard_;
};

// Why `path` is closed to this user, and whose it is.
std::string kept_from(const fs::path& path) {
    struct stat about {};
    const bool known = ::stat(path.c_str(), &about) == 0 || ::stat(path.parent_path().c_str(), &about) == 0;
    const passwd* const owner = known ? ::getpwuid(about.st_uid) : nullptr;
    if (owner == nullptr) {
        return "Corral runs as another user: " + path.string() + " is closed to this one. Ask it with sudo.";
    }
    const std::string name = owner->pw_name;
    return "Corral runs as another user, '" + name + "'. Ask it as that one: 'sudo -u " + name +
           " corral ...', or with sudo.";
}

core::result<std::unique_ptr<conversation>> begin(const std::vector<fs::path>& places,
                                                  core::seconds longest) {
    if (places.empty()) {
        return core::make_failure(core::errc::not_found, "the configuration switches the admin socket off");
    }
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (connected) {
            return std::make_unique<conversation>(*connected, path, longest);
        }
        const int why = connected.error().code.value();
        if (why == EACCES || why == EPERM) {
            return core::make_failure(core::errc::refused, kept_from(path));
        }
        if (why != ENOENT && why != ECONNREFUSED && why != ENOTDIR) {
            return core::make_failure(core::errc::not_found, "Corral can't be asked at " + path.string() +
                                                                 ": " + connected.error().code.message());
        }
    }
    return core::make_failure(core::errc::not_found,
                              "Corral is not running. Start it: 'corral serve' or 'sudo systemctl start "
                              "corral'.");
}

}  // namespace

core::result<admin_json> ask_daemon(const std::vector<fs::path>& places, const admin_json& asked,
                                    core::seconds longest) {
    const auto with = begin(places, longest);
    if (!with) {
        return with.error();
    }
    if (auto said = (*with)->say(asked); !said) {
        return said.error();
    }
    return (*with)->hear();
}

core::result<void> follow_daemon(const std::vector<fs::path>& places, const admin_json& asked,
                                 core::seconds longest, const std::function<bool(const admin_json&)>& take) {
    const auto with = begin(places, longest);
    if (!with) {
        return with.error();
    }
    if (auto said = (*with)->say(asked); !said) {
        return said;
    }
    bool more = true;
    while (more) {
        const auto object = (*with)->hear();
        if (!object) {
            return object.error();
        }
        more = !object->contains("end") && take(*object);
    }
    return {};
}

core::owned_fd process_of_daemon(const std::vector<fs::path>& places) {
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (!connected) {
            continue;
        }
        const core::owned_fd socket(*connected);
        const auto who = peer_of(socket.get());
        return core::owned_fd(who ? static_cast<int>(::syscall(SYS_pidfd_open, who->pid, 0)) : -1);
    }
    return {};
}

}  // namespace corral::control
