#include "corral/process/connection_owner.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <utility>

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/children/birthmark.hpp"
#include "process/ports/tcp_table.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

using boost::asio::ip::tcp;

constexpr std::size_t most_table_lines = 1U << 20;
constexpr std::size_t most_descriptors = 1U << 16;
constexpr int most_generations = 64;
constexpr std::chrono::seconds users_known_for{1};

std::string proc_path(pid_t pid, const char* file) {
    return "/proc/" + std::to_string(pid) + "/" + file;
}

std::optional<tcp_connection_row> find_in_tables(const connection_ends& of) {
    for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream table(path);
        std::string line;
        for (std::size_t count = 0; count < most_table_lines && std::getline(table, line); ++count) {
            auto row = parse_tcp_connection(line);
            if (row && row->local == of.there && row->remote == of.here) {
                return row;
            }
        }
    }
    return std::nullopt;
}

// "Not there" and "not asked" look alike where the kernel's module is missing.
bool kernel_answers() {
    static const bool answers = dump_tcp_listeners().has_value();
    return answers;
}

std::optional<tcp_connection_row> other_end(const connection_ends& of) {
    return kernel_answers() ? ask_for_connection(of.there, of.here) : find_in_tables(of);
}

enum class holding { yes, no, unreadable };

holding look_for(pid_t pid, std::uint64_t inode) {
    const std::string folder = proc_path(pid, "fd");
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    if (!open) {
        return errno == EACCES || errno == EPERM ? holding::unreadable : holding::no;
    }
    const std::string wanted = "socket:[" + std::to_string(inode) + "]";
    for (std::size_t count = 0; count < most_descriptors; ++count) {
        const dirent* const entry = ::readdir(open.get());
        if (entry == nullptr) {
            break;
        }
        std::array<char, 64> target{};
        const ssize_t length = ::readlinkat(::dirfd(open.get()), entry->d_name, target.data(), target.size());
        if (length > 0 && wanted == std::string_view(target.data(), static_cast<std::size_t>(length))) {
            return holding::yes;
        }
    }
    return holding::no;
}

// Real, effective, saved and of the file system.
std::vector<uid_t> users_of(pid_t pid) {
    constexpr std::size_t most = 8192;
    constexpr std::string_view key = "\nUid:";
    const std::string status = read_file(proc_path(pid, "status"), most).value_or("");
    std::vector<uid_t> out;
    std::size_t at = status.find(key);
    const std::size_t end = at == std::string::npos ? at : status.find('\n', at + 1);
    while (at < end && at < status.size()) {
        uid_t user = 0;
        const auto [stop, error] = std::from_chars(status.data() + at, status.data() + status.size(), user);
        if (error == std::errc{}) {
            out.push_back(user);
            at = static_cast<std::size_t>(stop - status.data());
        } else {
            ++at;
        }
    }
    return out;
}

std::string describe(const tcp_connection_row& socket) {
    const std::string user = "user " + std::to_string(socket.user);
    for (const pid_t pid : all_processes()) {
        if (look_for(pid, socket.inode) != holding::yes) {
            continue;
        }
        constexpr std::size_t most = 64;
        std::string name = read_file(proc_path(pid, "comm"), most).value_or("");
        name.erase(std::remove(name.begin(), name.end(), '\n'), name.end());
        return name + " (" + std::to_string(pid) + ") of " + user;
    }
    return "a process of " + user;
}

bool in_family(const process_row& row, const std::map<pid_t, process_row>& all,
               const std::vector<pid_t>& leaders) {
    const auto leads = [&leaders](pid_t pid) {
        return pid > 0 && std::find(leaders.begin(), leaders.end(), pid) != leaders.end();
    };
    // A helper that became a daemon has other parents.
    const auto mark = birthmark_of(row.pid);
    if (mark && mark->daemon == ::getpid() && leads(mark->leader)) {
        return true;
    }
    const process_row* at = &row;
    for (int generation = 0; generation < most_generations; ++generation) {
        if (leads(at->pid) || leads(at->group)) {
            return true;
        }
        const auto parent = all.find(at->parent);
        if (parent == all.end() || parent->first <= 1) {
            return false;
        }
        at = &parent->second;
    }
    return false;
}

}  // namespace

std::optional<connection_ends> ends_of(int socket) {
    tcp_info now{};
    socklen_t length = sizeof now;
    tcp::endpoint here;
    tcp::endpoint there;
    auto here_length = static_cast<socklen_t>(here.capacity());
    auto there_length = static_cast<socklen_t>(there.capacity());
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &now, &length) != 0 ||
        (now.tcpi_state != TCP_ESTABLISHED && now.tcpi_state != TCP_CLOSE_WAIT) ||
        ::getsockname(socket, here.data(), &here_length) != 0 ||
        ::getpeername(socket, there.data(), &there_length) != 0) {
        return std::nullopt;
    }
    const auto plain = [](const tcp::endpoint& from) {
        const auto address = from.address();
        return address.is_v6() && address.to_v6().is_v4_mapped()
                   ? tcp::endpoint(
                         boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()),
                         from.port())
                   : from;
    };
    return connection_ends{plain(here), plain(there)};
}

// Asked twice: one that is closed in between is root's in the kernel's words, and has no inode any more.
std::optional<uid_t> user_at(const connection_ends& ends) {
    const auto first = other_end(ends);
    const auto again = first ? other_end(ends) : std::nullopt;
    const bool stands = again && again->connected && again->inode != 0 && again->inode == first->inode;
    return stands && again->user == first->user ? std::optional(first->user) : std::nullopt;
}

void peer_judge::look_at_families(const std::vector<pid_t>& leaders) {
    std::map<pid_t, process_row> all;
    for (const pid_t pid : all_processes()) {
        if (const auto row = read_process(pid)) {
            all.emplace(pid, *row);
        }
    }
    leaders_ = leaders;
    members_.clear();
    users_.clear();
    for (const auto& [pid, row] : all) {
        if (in_family(row, all, leaders)) {
            members_.push_back({pid, row.start_time});
            const std::vector<uid_t> users = users_of(pid);
            users_.insert(users.begin(), users.end());
        }
    }
    looked_ = std::chrono::steady_clock::now();
}

bool peer_judge::still_holds(const member& who, std::uint64_t inode) const {
    const auto row = who.pid > 0 ? read_process(who.pid) : std::nullopt;
    return row && row->start_time == who.start_time && look_for(who.pid, inode) == holding::yes;
}

// A process that is killed lets go of its sockets while we look for who holds them, and what a script has started is
// killed a moment after the script.
bool peer_judge::is_foreign(const connection_ends& ends, std::uint64_t inode) const {
    const bool led = std::any_of(leaders_before_.begin(), leaders_before_.end(),
                                 [](pid_t pid) { return pid > 0 && read_process(pid).has_value(); });
    if (!led && still_holds(holder_before_, inode)) {
        return false;
    }
    const auto again = other_end(ends);
    return again && again->connected && again->inode == inode;
}

peer_judgement peer_judge::judge(const connection_ends& ends, const std::vector<pid_t>& leaders) {
    const auto socket = other_end(ends);
    if (!socket || !socket->connected || socket->inode == 0) {
        return {};
    }
    const bool known = leaders_ == leaders && std::chrono::steady_clock::now() - looked_ < users_known_for;
    const auto of_another = [&](std::string who) {
        return is_foreign(ends, socket->inode) ? peer_judgement{peer_owner::foreign, std::move(who)}
                                               : peer_judgement{};
    };
    if (known && !users_.contains(socket->user)) {
        return of_another("a process of user " + std::to_string(socket->user));
    }
    if (leaders_ != leaders && last_holder_.pid > 0) {
        holder_before_ = std::exchange(last_holder_, {});
        leaders_before_ = leaders_;
    }
    if (still_holds(last_holder_, socket->inode)) {
        return {peer_owner::ours, {}};
    }
    if (std::any_of(leaders.begin(), leaders.end(),
                    [&](pid_t pid) { return pid > 0 && look_for(pid, socket->inode) == holding::yes; })) {
        return {peer_owner::ours, {}};
    }
    look_at_families(leaders);
    for (const member& one : members_) {
        const holding held = look_for(one.pid, socket->inode);
        const std::vector<uid_t> users =
            held == holding::unreadable ? users_of(one.pid) : std::vector<uid_t>{};
        if (held == holding::yes) {
            last_holder_ = one;
        }
        if (held == holding::yes || std::find(users.begin(), users.end(), socket->user) != users.end()) {
            return {peer_owner::ours, {}};
        }
    }
    return of_another(describe(*socket));
}

}  // namespace corral::process
