#pragma once
// boxes.toml: the boxes of a fleet and the edge in front of them, as their operator writes them (docs/fleet.md).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/core/server_url.hpp"
#include "corral/core/time.hpp"

namespace corral::boxes {

inline constexpr std::size_t most_boxes = 10'000;

// One [[box]], or the boxes of one name in DNS. Paths are absolute.
struct box_entry {
    std::string name;          // 1 to 64 of A-Z a-z 0-9 _ . -; unique, whatever the case
    core::server_url address;  // host, port, TLS or not; no port: SRV records have it
    unsigned count = 0;        // most boxes that DNS may name by this address; 0: it is one box
    std::optional<std::uint16_t> agent_port;  // of [fleet] agent on that box
    // Display forms in lower case, sorted, each once (catalog::display_name); nothing: the box is to be asked.
    std::optional<std::vector<std::string>> models;
    unsigned weight = 100;           // 1 to 256, against the other boxes
    std::string zone;                // empty: none
    unsigned max_requests = 8;       // of one model at the same time, running and waiting there; 1 to 10'000
    std::filesystem::path key_file;  // its first line is the key for commands; empty: none
    std::filesystem::path ca_file;   // with TLS; empty: the system's certificates
    std::filesystem::path client_certificate;  // with TLS: certificate and key in one file; empty: none
    std::uint32_t line = 0;                    // in the file
};

// [edge]. Paths are absolute.
struct edge_settings {
    std::string listen{"127.0.0.1:8080"};  // ADDRESS:PORT
    std::filesystem::path certificate;     // certificate and key in one file; empty: without TLS
    std::filesystem::path keys;  // the key file that is checked here; empty: keys are passed through
    // Name of the environment variable with the key that the edge shows to the boxes; only with `keys`.
    std::string key_variable;
    std::string zone;  // boxes of other zones are a reserve; empty: all are alike
    std::string user{
        "haproxy"};  // whom HAProxy becomes, and who owns its socket; empty: it stays who starts it
    std::string group{"haproxy"};                             // empty: as it is
    std::filesystem::path chroot{"/var/lib/haproxy"};         // empty: none
    std::filesystem::path socket{"/run/haproxy/admin.sock"};  // where HAProxy takes commands
    std::filesystem::path log{"/dev/log"};                    // where it logs
    std::string
        resolver;  // ADDRESS:PORT of the DNS server for boxes known by name; empty: those of the system
    std::string statistics;             // ADDRESS:PORT of statistics page and metrics; empty: none
    bool proxy_protocol = false;        // tells the boxes the client's address
    unsigned max_clients = 2000;        // connections
    unsigned queue = 64;                // requests that wait at the edge for one model on one box
    bool affinity = true;               // a conversation stays on its box
    unsigned affinity_limit = 150;      // percent of the mean load, beyond which a conversation moves
    std::uint64_t buffer = 256 * 1024;  // bytes of a body in which its model is looked for
    core::milliseconds connect_time{3'000};
    core::milliseconds queue_time{60'000};
    core::milliseconds silence{60'000};       // of a stream, and of clients
    core::milliseconds answer_time{600'000};  // until an answer that is no stream begins
};

struct boxes_file {
    std::vector<box_entry> boxes;  // in the order of the file; at least one
    edge_settings edge;
};

struct boxes_reading {
    std::optional<boxes_file> value;          // set exactly when `errors` is empty
    std::vector<catalog::diagnostic> errors;  // all there are, in the order of the file
};

// Reads the file, at most 1 MiB, and blocks on the disk. Files that it names are not looked at.
[[nodiscard]] boxes_reading read_boxes_file(const std::filesystem::path& file);

// `base`: the absolute folder that relative paths start from; `file` is for complaints.
[[nodiscard]] boxes_reading parse_boxes(std::string_view text, const std::string& file,
                                        const std::filesystem::path& base);

// Whether HAProxy gives it requests only while no other box is up.
[[nodiscard]] bool is_reserve(const box_entry& box, const edge_settings& edge);

// The display forms in lower case, sorted, each once; those that are no valid name are left out.
[[nodiscard]] std::vector<std::string> routed_names(const std::vector<std::string>& models);

}  // namespace corral::boxes
