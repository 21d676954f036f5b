#include "corral/process/listener_owner.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include <dirent.h>
#include <unistd.h>

#include "process/children/birthmark.hpp"
#include "process/ports/listener_dump.hpp"
#include "process/ports/tcp_table.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::size_t max_table_lines = 1U << 20;
constexpr int max_generations = 64;
constexpr std::size_t comm_bytes = 15;  // longer names are cut by the kernel
constexpr std::string_view socket_prefix = "socket:[";

using listeners_by_inode = std::map<std::string, tcp_listener_row>;  // "socket:[123]"

void read_table(const char* path, std::vector<tcp_listener_row>& rows) {
    std::ifstream table(path);
    std::string line;
    for (std::size_t count = 0; count < max_table_lines && std::getline(table, line); ++count) {
        if (const auto row = parse_tcp_listener(line)) {
            rows.push_back(*row);
        }
    }
}

listeners_by_inode find_listeners(const std::function<bool(const tcp_listener_row&)>& wanted) {
    auto rows = dump_tcp_listeners();
    if (!rows) {
        rows.emplace();
        read_table("/proc/net/tcp", *rows);
        read_table("/proc/net/tcp6", *rows);
    }
    listeners_by_inode found;
    for (const tcp_listener_row& row : *rows) {
        if (wanted(row)) {
            found.emplace(std::string(socket_prefix) + std::to_string(row.inode) + ']', row);
        }
    }
    return found;
}

// The sockets that `pid` holds, as far as we may look.
std::set<std::string> sockets_of(pid_t pid, const listeners_by_inode& wanted) {
    std::set<std::string> held;
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        std::array<char, 64> target{};
        const ssize_t length = ::readlink(entry->path().c_str(), target.data(), target.size());
        if (length <= 0) {
            continue;
        }
        std::string name(target.data(), static_cast<std::size_t>(length));
        if (name.starts_with(socket_prefix) && wanted.contains(name)) {
            held.insert(std::move(name));
        }
    }
    return held;
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
    return {socket.port, socket.any_address, socket.loopback, owner,
            owner > 0 ? program_of(owner) : std::string{}};
}

}  // namespace

std::vector<listening_socket> listeners_on(std::uint16_t port) {
    const auto found = find_listeners([port](const tcp_listener_row& row) { return row.port == port; });
    std::vector<listening_socket> rows;
    if (found.empty()) {
        return rows;
    }
    std::set<std::string> owned;
    for (const pid_t pid : all_processes()) {
        for (const std::string& name : sockets_of(pid, found)) {
            rows.push_back(row_for(found.at(name), pid));
            owned.insert(name);
        }
    }
    for (const auto& [name, socket] : found) {
        if (!owned.contains(name)) {
            rows.push_back(row_for(socket, 0));
        }
    }
    return rows;
}

std::vector<listening_socket> listeners_beyond_loopback(pid_t ancestor) {
    const auto found = find_listeners([](const tcp_listener_row& row) { return !row.loopback; });
    std::vector<listening_socket> rows;
    if (found.empty()) {
        return rows;
    }
    for (const pid_t pid : all_processes()) {
        if (!descends_from(pid, ancestor)) {
            continue;
        }
        for (const std::string& name : sockets_of(pid, found)) {
            rows.push_back(row_for(found.at(name), pid));
        }
    }
    return rows;
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
