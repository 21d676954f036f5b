#pragma once
// Which process holds the other end of a connection that came over loopback: the kernel knows the socket
// (sock_diag(7), or /proc/net/tcp where a sandbox forbids that), and /proc/<pid>/fd who has it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>
#include <boost/asio/ip/tcp.hpp>

namespace corral::process {

struct connection_ends {
    boost::asio::ip::tcp::endpoint here;
    boost::asio::ip::tcp::endpoint there;
    bool operator==(const connection_ends&) const = default;
};

// Nothing unless `socket` is a TCP connection that the other end has not reset: while it stands, no other
// socket can have the other end's address. To be the same before and after a judgement.
[[nodiscard]] std::optional<connection_ends> ends_of(int socket);

// Whose socket the other end is, on this machine; nothing: it was closed meanwhile, or can't be found. Blocks for some ten
// microseconds, for milliseconds where the kernel's tables have to be read.
[[nodiscard]] std::optional<uid_t> user_at(const connection_ends& ends);

enum class peer_owner {
    ours,     // a process of the families holds it
    foreign,  // another process does
    none      // it was closed meanwhile, or its holder is one of ours that is being killed
};

struct peer_judgement {
    peer_owner is = peer_owner::none;
    std::string who;  // of a foreign one, as far as it can be seen: "python3 (4711) of user 1000"
};

// One thread at a time. Costs some ten microseconds where the leader of a family or the last holder has the socket; some
// milliseconds where all processes have to be looked at, which users without a process in a family can't cause
// more often than once a second.
class peer_judge {
public:
    // A family is a process with its descendants and its process group. Where the descriptors of one of its processes
    // can't be read (another user's, or one that may not be traced) its user is proof enough.
    [[nodiscard]] peer_judgement judge(const connection_ends& ends, const std::vector<pid_t>& leaders);

private:
    struct member {
        pid_t pid = 0;
        std::uint64_t start_time = 0;
    };
    void look_at_families(const std::vector<pid_t>& leaders);
    [[nodiscard]] bool still_holds(const member& who, std::uint64_t inode) const;
    // Not of a process that was ours and is being killed with its leader.
    [[nodiscard]] bool is_foreign(const connection_ends& ends, std::uint64_t inode) const;

    std::vector<pid_t> leaders_;
    std::vector<member> members_;
    std::set<uid_t> users_;  // of the members
    std::chrono::steady_clock::time_point looked_{};
    member last_holder_;
    member holder_before_;  // of the families of leaders_before_
    std::vector<pid_t> leaders_before_;
};

}  // namespace corral::process
