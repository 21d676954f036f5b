#include "corral/process/listener_owner.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "process/children/birthmark.hpp"
#include "process/ports/tcp_table.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::size_t max_table_lines = 1U << 20;
constexpr std::size_t max_descriptors = 1U << 20;
constexpr std::size_t max_family = 4096;
constexpr int max_generations = 64;
constexpr std::size_t comm_bytes = 15;  // longer names are cut by the kernel

using listeners_by_inode = std::map<std::uint64_t, tcp_listener_row>;

void read_table(const char* path, std::vector<tcp_listener_row>& rows) {
    std::ifstream table(path);
    std::string line;
    for (std::size_t count = 0; count < max_table_lines && std::getline(table, line); ++count) {
        if (const auto row = parse_tcp_listener(line)) {
            rows.push_back(*row);
        }
    }
}

// Of all ports where `port` is 0.
std::vector<tcp_listener_row> all_listeners(std::uint16_t port) {
    if (auto rows = dump_tcp_listeners(port)) {
        return std::move(*rows);
    }
    std::vector<tcp_listener_row> rows;
    read_table("/proc/net/tcp", rows);
    read_table("/proc/net/tcp6", rows);
    std::erase_if(rows, [port](const tcp_listener_row& row) { return port != 0 && row.port != port; });
    return rows;
}

bool reaches_loopback(const tcp_listener_row& row) {
    return (row.loopback || row.any_address) && !row.elsewhere;
}

// The socket that a link of a descriptor leads to: "socket:[4711]".
std::optional<std::uint64_t> socket_at(int folder, const char* link) {
    constexpr std::string_view prefix = "socket:[";
    std::array<char, 64> target{};
    const ssize_t length = ::readlinkat(folder, link, target.data(), target.size());
    if (length <= static_cast<ssize_t>(prefix.size()) ||
        !std::string_view(target.data(), prefix.size()).starts_with(prefix)) {
        return std::nullopt;
    }
    std::uint64_t inode = 0;
    const auto [stop, error] =
        std::from_chars(target.data() + prefix.size(), target.data() + length - 1, inode);
    return error == std::errc{} ? std::optional(inode) : std::nullopt;
}

// Calls `found(socket, name)` for each socket that `pid` holds, as far as we may look; returns the links read.
template <typename Found>
std::uint64_t each_socket(pid_t pid, const Found& found) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    std::uint64_t count = 0;
    while (open && count < max_descriptors) {
        const dirent* const entry = ::readdir(open.get());
        if (entry == nullptr) {
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        ++count;
        if (const auto socket = socket_at(::dirfd(open.get()), entry->d_name)) {
            found(*socket, entry->d_name);
        }
    }
    return count;
}

std::set<std::uint64_t> sockets_of(pid_t pid, const listeners_by_inode& wanted) {
    std::set<std::uint64_t> held;
    each_socket(pid, [&](std::uint64_t socket, const char*) {
        if (wanted.contains(socket)) {
            held.insert(socket);
        }
    });
    return held;
}

// `leader`, what descends from it, and helpers that became daemons: those are children of ours, for we are their
// subreaper. All that descends_from() accepts but members of its process group that others begot.
std::vector<pid_t> family_of(pid_t leader) {
    std::vector<pid_t> family{leader};
    for (const pid_t child : leader == ::getpid() ? std::vector<pid_t>{} : own_children()) {
        if (child != leader && descends_from(child, leader)) {
            family.push_back(child);
        }
    }
    for (std::size_t at = 0; at < family.size() && family.size() < max_family; ++at) {
        const auto children = children_of(family[at]);
        if (!children && read_process(family[at])) {
            family = all_processes();  // this kernel keeps no lists of children
            std::erase_if(family, [leader](pid_t pid) { return !descends_from(pid, leader); });
            return family;
        }
        if (children) {
            family.insert(family.end(), children->begin(), children->end());
        }
    }
    return family;
}

std::string program_of(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    constexpr std::size_t most = 4096;
    std::string name = read_file(folder + "/comm", most).value_or("");
    while (!name.empty() && name.back() == '\n') {
        name.pop_back();
    }
    if (name.size() == comm_bytes) {
        const std::string words = read_file(folder + "/cmdline", most).value_or("");
        std::string whole = std::filesystem::path(words.substr(0, words.find('\0'))).filename().string();
        if (whole.starts_with(name)) {
            return whole;
        }
    }
    return name;
}

listening_socket row_for(const tcp_listener_row& socket, pid_t owner) {
    return {socket.port,
            socket.any_address,
            socket.loopback,
            owner,
            owner > 0 ? program_of(owner) : std::string{},
            socket.elsewhere};
}

}  // namespace

bool is_corral(std::string_view program) {
    return program == "corral-serve" || program == "corral";
}

std::vector<listening_socket> listeners_on(std::uint16_t port) {
    listeners_by_inode found;
    std::vector<listening_socket> rows;
    for (const tcp_listener_row& row : all_listeners(port)) {
        if (row.inode == 0) {
            rows.push_back(row_for(row, 0));  // the kernel's own
        } else {
            found.emplace(row.inode, row);
        }
    }
    if (found.empty()) {
        return rows;
    }
    std::set<std::uint64_t> owned;
    for (const pid_t pid : all_processes()) {
        for (const std::uint64_t socket : sockets_of(pid, found)) {
            rows.push_back(row_for(found.at(socket), pid));
            owned.insert(socket);
        }
    }
    for (const auto& [inode, socket] : found) {
        if (!owned.contains(inode)) {
            rows.push_back(row_for(socket, 0));
        }
    }
    return rows;
}

std::vector<listening_socket> listeners_beyond_loopback(pid_t ancestor) {
    listeners_by_inode found;
    for (const tcp_listener_row& row : all_listeners(0)) {
        if (!row.loopback) {
            found.emplace(row.inode, row);
        }
    }
    std::vector<listening_socket> rows;
    for (const pid_t pid : found.empty() ? std::vector<pid_t>{} : family_of(ancestor)) {
        for (const std::uint64_t socket : sockets_of(pid, found)) {
            rows.push_back(row_for(found.at(socket), pid));
        }
    }
    return rows;
}

own_listeners::view own_listeners::on(std::uint16_t port, pid_t leader) {
    std::vector<tcp_listener_row> rows = all_listeners(port);
    std::erase_if(rows, [](const tcp_listener_row& row) { return !reaches_loopback(row); });
    std::map<std::uint64_t, holder> before;
    std::swap(before, known_);
    std::vector<std::uint64_t> unknown;
    for (const tcp_listener_row& row : rows) {
        const auto seen = leader == leader_ ? before.find(row.inode) : before.end();
        if (seen != before.end() && still_holds(seen->second, row.inode)) {
            known_.insert(*seen);
        } else if (row.inode != 0) {
            unknown.push_back(row.inode);
        }
    }
    leader_ = leader;
    if (!unknown.empty()) {
        search(leader, unknown);
    }
    view out;
    for (const tcp_listener_row& row : rows) {
        const auto held = known_.find(row.inode);
        if (held == known_.end()) {
            out.others = true;
        } else {
            out.own.push_back({row.port, row.any_address, row.loopback, held->second.pid, {}, false});
        }
    }
    return out;
}

// The number of a process may be another's by now, and the number of a descriptor another socket.
bool own_listeners::still_holds(const holder& who, std::uint64_t socket) {
    const auto row = read_process(who.pid);
    ++links_read_;
    return row && row->start_time == who.start_time && socket_at(AT_FDCWD, who.link.c_str()) == socket;
}

void own_listeners::search(pid_t leader, const std::vector<std::uint64_t>& sockets) {
    const auto found_all = [&] {
        return std::all_of(sockets.begin(), sockets.end(),
                           [this](std::uint64_t socket) { return known_.contains(socket); });
    };
    const auto look_at = [&](pid_t pid) {
        const auto row = read_process(pid);
        if (!row) {
            return;
        }
        links_read_ += each_socket(pid, [&](std::uint64_t socket, const char* name) {
            if (std::find(sockets.begin(), sockets.end(), socket) != sockets.end()) {
                std::string link = "/proc/" + std::to_string(pid) + "/fd/" + name;
                known_.try_emplace(socket, holder{pid, row->start_time, std::move(link)});
            }
        });
    };
    look_at(leader);
    const std::vector<pid_t> family = found_all() ? std::vector<pid_t>{} : family_of(leader);
    for (auto pid = family.begin(); pid != family.end() && !found_all(); ++pid) {
        if (*pid != leader) {
            look_at(*pid);
        }
    }
}

bool descends_from(pid_t pid, pid_t ancestor) {
    if (ancestor <= 0) {
        return false;
    }
    // A helper that became a daemon has other parents.
    const auto mark = birthmark_of(pid);
    if (mark && mark->daemon == ::getpid() && mark->leader == ancestor) {
        return true;
    }
    for (int generation = 0; generation < max_generations && pid > 0; ++generation) {
        if (pid == ancestor) {
            return true;
        }
        const auto row = read_process(pid);
        if (!row) {
            return false;
        }
        if (row->group == ancestor) {
            return true;
        }
        pid = row->parent;
    }
    return false;
}

}  // namespace corral::process
