#include "port_holder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

namespace corral::http {

namespace {

namespace fs = std::filesystem;

constexpr const char* listen_state = "0A";

// Rows of /proc/net/tcp: "sl local_address rem_address st ... uid timeout inode".
void add_inodes(const char* table, std::uint16_t port, std::set<std::string>& inodes) {
    std::ifstream rows(table);
    std::string row;
    std::getline(rows, row);
    while (std::getline(rows, row)) {
        std::istringstream cells(row);
        std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
        cells >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >>
            inode;
        const std::size_t colon = local.rfind(':');
        if (!cells || state != listen_state || colon == std::string::npos) {
            continue;
        }
        if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) {
            inodes.insert("socket:[" + inode + "]");
        }
    }
}

bool is_process(const fs::path& entry) {
    const std::string name = entry.filename().string();
    return !name.empty() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool holds_one(const fs::path& process, const std::set<std::string>& inodes) {
    std::error_code error;  // a process may end or be another user's: then it is not the answer
    for (fs::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
        std::error_code unreadable;
        const fs::path target = fs::read_symlink(at->path(), unreadable);
        if (!unreadable && inodes.contains(target.string())) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string port_holder(std::uint16_t port) {
    std::set<std::string> inodes;
    add_inodes("/proc/net/tcp", port, inodes);
    add_inodes("/proc/net/tcp6", port, inodes);
    if (inodes.empty()) {
        return {};
    }
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
        if (is_process(at->path()) && holds_one(at->path(), inodes)) {
            std::ifstream comm(at->path() / "comm");
            std::string name;
            std::getline(comm, name);
            return (name.empty() ? "a process" : name) + " (pid " + at->path().filename().string() + ")";
        }
    }
    return {};
}

}  // namespace corral::http
