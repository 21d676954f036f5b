#pragma once
// Who listens on a TCP port, by /proc: a port that answers is proof of nothing if another process holds it.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace corral::process {

struct listening_socket {
    std::uint16_t port = 0;
    bool any_address = false;  // 0.0.0.0 or ::
    bool loopback = false;     // bound to an address of it, or to its interface
    pid_t owner = 0;           // 0: /proc does not tell (another user's process)
    std::string program;       // of the owner, "" when unknown
    // No call to 127.0.0.1 ends there: another address of loopback, IPv6 alone. Every user of the box may listen so.
    bool elsewhere = false;
};

// `program` is the daemon, by the name of its process.
[[nodiscard]] bool is_corral(std::string_view program);

// Every socket that listens on `port`, IPv4 and IPv6; one row for each owner. Reads the descriptors of all processes.
[[nodiscard]] std::vector<listening_socket> listeners_on(std::uint16_t port);

// Every socket of `ancestor` and its descendants that listens where loopback alone does not lead; one row for
// each owner. Reads the descriptors of these processes, and none where nothing on the machine listens so.
[[nodiscard]] std::vector<listening_socket> listeners_beyond_loopback(pid_t ancestor);

// True when `pid` is `ancestor` or descends from it, or belongs to process group `ancestor`.
[[nodiscard]] bool descends_from(pid_t pid, pid_t ancestor);

// The listeners of one process and its descendants at a port, by looks at these processes alone: the rest of the
// machine may hold as many descriptors as it likes. A look costs one question to the kernel and one link of each
// socket that was seen before; the descriptors of all the family are read only for a socket that is new.
class own_listeners {
public:
    struct view {
        std::vector<listening_socket> own;  // one row for each socket, without the name of its program
        bool others = false;                // one that loopback reaches is not shown to be of the family
    };
    [[nodiscard]] view on(std::uint16_t port, pid_t leader);

    // Links of descriptors that were read so far.
    [[nodiscard]] std::uint64_t links_read() const noexcept { return links_read_; }

private:
    struct holder {
        pid_t pid = 0;
        std::uint64_t start_time = 0;
        std::string link;  // "/proc/4711/fd/3"
    };
    [[nodiscard]] bool still_holds(const holder& who, std::uint64_t socket);
    void search(pid_t leader, const std::vector<std::uint64_t>& sockets);

    pid_t leader_ = 0;
    std::map<std::uint64_t, holder> known_;  // by socket; of sockets that are there
    std::uint64_t links_read_ = 0;
};

}  // namespace corral::process
