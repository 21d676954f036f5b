#pragma once
// The framing of server-sent events (text/event-stream), read in pieces cut anywhere. No I/O.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::engine::streaming {

class event_lines {
public:
    // `most`: bytes of one event. `named`: its name (`event:`, or nothing) and a line break open its data.
    explicit event_lines(std::size_t most = 192UL * 1024, bool named = false) : most_(most), named_(named) {}

    // Appends the data of every event that is complete, its `data:` lines joined by line breaks; without names
    // `error:` is such a line too. Comments, other fields and events without data say nothing. Line ends are
    // CRLF, LF or CR; a byte order mark in front is skipped. errc::limit_exceeded: an event is too long, and nothing
    // more may be fed.
    [[nodiscard]] core::result<void> feed(std::string_view bytes, std::vector<std::string>& out);
    // The body is complete: what stands there without the empty line that ends an event counts as one, for
    // some servers leave it out.
    void finish(std::vector<std::string>& out);

private:
    void end_line(std::string_view line, std::vector<std::string>& out);

    std::size_t most_;
    bool named_;
    std::string line_;  // the beginning of one whose end is missing
    std::string name_;
    std::string data_;
    bool has_data_ = false;
    bool after_cr_ = false;
    bool first_line_ = true;
};

}  // namespace corral::engine::streaming
