#pragma once
// Reads on in several bounded rings of lines, as one stream in the order of time; what a ring dropped before
// it was read is counted. No I/O.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "corral/telemetry/output_lines.hpp"

namespace corral::daemon {

// What a ring holds now: its id, the number of its next line, and lines from `number` on, at most `most`.
struct ring_part {
    std::uint64_t ring = 0;
    std::uint64_t end = 0;
    std::vector<telemetry::kept_line> lines;
};

struct log_source {
    std::string model;    // empty: Corral itself
    std::string service;  // "runtime"; "corral" of Corral itself
    std::function<ring_part(std::uint64_t number, std::size_t most)> read;
};

struct log_line {
    std::string model;
    std::string service;
    std::uint64_t lost = 0;  // so many lines of it are missing here; then there is no text
    std::chrono::system_clock::time_point when;  // the epoch: not known
    std::string text;
};

class log_cursor {
public:
    // The last `most` lines that are there, of all sources together. To be called first, and once.
    [[nodiscard]] std::vector<log_line> last(const std::vector<log_source>& sources, std::size_t most);
    // What came since, some hundred lines at once; empty: nothing. A source that was not there before is read
    // from its beginning.
    [[nodiscard]] std::vector<log_line> next(const std::vector<log_source>& sources);

private:
    void read_one(const log_source& from, std::size_t room, std::vector<log_line>& out,
                  std::map<std::uint64_t, std::uint64_t>& places);

    std::map<std::uint64_t, std::uint64_t> places_;  // by ring: the next line
};

}  // namespace corral::daemon
