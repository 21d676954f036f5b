#include "corral/control/admin_client.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
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
#include "corral/core/say.hpp"
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
    return core::make_failure(core::errc::protocol,
                              core::say("command.asks-daemon/corral", path.string(), why));
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
std::string kept_from(const fs::path& path) {
    struct stat about {};
    const bool known = ::stat(path.c_str(), &about) == 0 || ::stat(path.parent_path().c_str(), &about) == 0;
    if (known && sees_other_users() && !other_users().contains(about.st_uid)) {
        return {};
    }
    if (!known || ::getpwuid(about.st_uid) == nullptr) {
        return "Corral runs as another user: " + path.string() + " is closed to this one. Ask it with sudo.";
    }
    const std::string name = name_of(about.st_uid);
    return "Corral runs as another user, '" + name + "'. Ask it as that one: " + command_as(name) +
           (name == "root" ? "." : ", or with sudo.");
}

// Nobody listens in the places of this user.
std::string not_running() {
    const std::set<uid_t> others = other_users();
    if (others.empty()) {
        return "Corral is not running. Start it: 'corral serve' or 'sudo systemctl start corral'.";
    }
    const std::string name = name_of(*others.begin());
    return "Corral is not running as this user, but as '" + name +
           "'. Ask it as that one: " + command_as(name) + "; 'corral serve' starts one of your own.";
}

core::result<std::unique_ptr<conversation>> begin(const std::vector<fs::path>& places,
                                                  core::seconds longest) {
    if (places.empty()) {
        return core::make_failure(core::errc::not_found, core::say("command.socket-off"));
    }
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (connected) {
            return std::make_unique<conversation>(*connected, path, longest);
        }
        const int why = connected.error().code.value();
        const bool closed = why == EACCES || why == EPERM;
        if (const std::string whose = closed ? kept_from(path) : std::string(); !whose.empty()) {
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
