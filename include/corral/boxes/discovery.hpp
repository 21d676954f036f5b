#pragma once
// Boxes that are found rather than listed: what DNS tells of them, and how they join those of the list.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

// The answer of a DNS server to a question for SRV records (RFC 2782), as it came over the wire; empty where the name has no
// such records, or does not exist. Fails, in words, where the answer is broken, cut, a refusal, or has more than most_boxes
// records. Records without a target, without a port, or with a name that is none of a host are left out.
[[nodiscard]] core::result<found_hosts> read_srv_answer(std::span<const std::uint8_t> answer);

struct joined_boxes {
    std::vector<box_entry> boxes;      // those of the list first
    std::vector<std::string> remarks;  // what was left out, and why: a sentence each
};

// A box of the list stands for a record of its address. A found box is named by its host, with the port where that is not
// 11434. Records of other priorities than the lowest are a reserve. Weights count where they differ, up to 256.
[[nodiscard]] joined_boxes join_boxes(const std::vector<box_entry>& listed, const discovery& how,
                                      const found_hosts& found);

// What was found, over look-ups that fail. An empty answer counts once there was no other for `patience`.
class found_memory {
public:
    explicit found_memory(core::milliseconds patience) : patience_(patience) {}

    void take(const core::result<found_hosts>& answer, core::steady_time now);

    // Nothing: it is not known yet, which is another thing than no hosts.
    [[nodiscard]] const std::optional<found_hosts>& now() const { return last_; }

private:
    core::milliseconds patience_;
    std::optional<found_hosts> last_;
    std::optional<core::steady_time> empty_since_;
};

}  // namespace corral::boxes
