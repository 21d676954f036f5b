#pragma once
// Boxes that are found rather than listed: what DNS or mDNS tells of them, and how they join those of the list.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/boxes/boxes_file.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::boxes {

// A record that names a box.
struct found_host {
    std::string host;     // a name without its last dot, in lower case
    std::string address;  // the IP address that came with it; empty: none
    std::uint16_t port = 0;
    std::uint16_t priority = 0;  // those with the lowest are asked first
    std::uint16_t weight = 0;
    bool operator==(const found_host&) const = default;
};

// Sorted by priority, host and port, each once.
using found_hosts = std::vector<found_host>;

// The answer of a DNS server to a question for SRV records (RFC 2782), as it came over the wire; empty where the name
// has no such records, or does not exist. Fails, in words, where the answer is broken, cut, a refusal, or has more than
// most_boxes records. Records without a target, without a port, or with a name that is none of a host are left out.
[[nodiscard]] core::result<found_hosts> read_srv_answer(std::span<const std::uint8_t> answer);

// The output of "avahi-browse --parsable --resolve --no-db-lookup" (man avahi-browse): its host names with one address
// each, of IPv4 where there is one. Lines that are none of it are left out, and addresses of the link alone.
[[nodiscard]] found_hosts read_avahi_answer(std::string_view text);

struct joined_boxes {
    std::vector<box_entry> boxes;      // those of the list first
    std::vector<std::string> remarks;  // what was left out, and why: a sentence each
};

// A box of the list stands for a record of its address; of several records with one address the first counts. A found
// box is named by its host, with the port where that is not 11434. Records of other priorities than the lowest are a
// reserve. Weights count where they differ, up to 256.
[[nodiscard]] joined_boxes join_boxes(const std::vector<box_entry>& listed, const discovery& how,
                                      const found_hosts& found);

// What was found, over look-ups that fail. An empty answer counts once there was no other for `patience`; with `each`,
// so does the absence of one host.
class found_memory {
public:
    explicit found_memory(core::milliseconds patience, bool each = false)
        : patience_(patience), each_(each) {}

    void take(const core::result<found_hosts>& answer, core::steady_time now);

    // Nothing: it is not known yet, which is another thing than no hosts.
    [[nodiscard]] const std::optional<found_hosts>& now() const { return last_; }

private:
    core::milliseconds patience_;
    bool each_;
    std::map<std::pair<std::string, std::uint16_t>, std::pair<found_host, core::steady_time>> seen_;
    std::optional<found_hosts> last_;
    std::optional<core::steady_time> empty_since_;
};

}  // namespace corral::boxes
